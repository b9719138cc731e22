import { type Break, edit } from './break.ts';

/** Journal, unfinished runs, commands, signals. */
export const RUNS: readonly Break[] = [
  {
    what: {
      en: 'a command that waits for the rest of its input has its deadline meanwhile',
      zh: '等待后续输入的命令已开始计时',
    },
    edits: [edit('lib/core/run.ts', 'if (moreInput) moreInput.then(count, count);\n  else count();', 'count();')],
    test: 'test/unit/core/run.test.ts',
    named: 'counts the deadline from when all of the input is there',
  },
  {
    what: { en: 'a change that waits for its word counts as begun', zh: '等待指令的改动被记为已开始' },
    edits: [edit('lib/core/run.ts', 'if (!command.moreInput) begin();', 'begin();')],
    test: 'test/unit/core/run.test.ts',
    named: 'writes down a change whose input is not complete',
  },
  {
    what: { en: 'a step that the plan did not show is carried out', zh: '执行计划中没有的步骤' },
    edits: [edit('lib/runs/steps/steps.ts', 'if (plan[begun.length] !== step) throw', 'if (plan.length < 0) throw')],
    test: 'test/unit/runs/steps/steps.test.ts',
    named: 'what the plan shows is what is carried out',
  },
  {
    what: { en: 'a step that the plan showed is left out', zh: '遗漏计划中的步骤' },
    edits: [edit('lib/runs/steps/steps.ts', 'if (left) throw', 'if (plan.length < 0) throw')],
    test: 'test/unit/runs/steps/steps.test.ts',
    named: 'what the plan shows is what is carried out',
  },
  {
    what: { en: 'a torn last line is read like a whole one', zh: '没写完整的最后一行当作完整行读取' },
    edits: [
      edit('lib/core/journal.ts', 'const rest = lines.pop();', "const rest = lines.at(-1) === '' ? lines.pop() : '';"),
    ],
    test: 'test/unit/core/journal.test.ts',
    named: 'cut off at any byte',
  },
  {
    what: { en: 'half a line stays on a full disk', zh: '磁盘写满时留下半行' },
    edits: [edit('lib/core/journal.ts', 'ftruncateSync(fd, size);', '')],
    test: 'test/unit/core/journal.test.ts',
    named: 'leaves no half line on a full disk',
  },
  {
    what: { en: 'undoing needs the journal', zh: '撤销依赖流水可写' },
    edits: [edit('lib/core/ops.ts', 'journal: lenient(ops.journal, ops.screen)', 'journal: ops.journal')],
    test: 'test/unit/runs/steps/steps.test.ts',
    named: 'undoes and proves also when nothing can be written down',
  },
  {
    what: { en: 'a process of that number is taken for the run', zh: '进程号相同即视为该运行' },
    edits: [
      edit(
        'lib/tools/files/open-files.ts',
        'return readdirSync(`/proc/${pid}/fd`).some((fd) => isSame(`/proc/${pid}/fd/${fd}`, wanted));',
        'return readdirSync(`/proc/${pid}/fd`).length > 0 && wanted.size >= 0;',
      ),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'alive as long as its process has the lock open',
  },
  {
    what: { en: 'a failure “as before” makes a dead run good', zh: '“恢复原状”的失败也算处理完毕' },
    edits: [
      edit(
        'lib/domain/ledger/proofs.ts',
        "if (run.state.kind !== 'ended' || run.state.exitCode !== 0) return;",
        "if (run.state.kind !== 'ended') return;",
      ),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'the same script has failed since',
  },
  {
    what: { en: 'a trial or a drop makes a killed deed good', zh: '试运行或删除成功也算处理完毕' },
    edits: [
      edit(
        'lib/domain/ledger/proofs.ts',
        'if (plan === undefined || plan.aside) return [];',
        'if (plan === undefined) return [];',
      ),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'the same script has only done something beside since',
  },
  {
    what: { en: 'a restore that was killed after its swap is done again', zh: '交换后被终止的恢复会重做一次' },
    edits: [edit('scripts/restore-prod.ts', 'if (facts.swapped) return', 'if (facts.swapped && !facts.stack) return')],
    test: 'test/simulation/restore.test.ts',
    named: 'is not done a second time',
  },
  {
    what: { en: 'what a killed apply-env started counts as applied', zh: '被终止的 apply-env 启动的容器视为已生效' },
    edits: [edit('scripts/apply-env.ts', ' && !way.isUnproved', '')],
    test: 'test/simulation/apply-env.test.ts',
    named: 'does not call an application well',
  },
  {
    what: { en: 'the .env of the end is kept, not that of the container', zh: '保留的是结束时的 .env, 而非容器所用的' },
    edits: [
      edit(
        'lib/domain/images/kept-container.ts',
        'await writeAtomically(envFile(ops.paths, run), env);',
        "await writeAtomically(envFile(ops.paths, run), readFileSync(path.join(ops.target.dir, '.env'), 'utf8'));",
      ),
    ],
    test: 'test/simulation/apply-env.test.ts',
    named: 'made the container with, when somebody edits it meanwhile',
  },
  {
    what: { en: 'a success that did nothing proves what its script would', zh: '什么都没做的成功也算验证' },
    edits: [
      edit(
        'lib/domain/ledger/proofs.ts',
        'if (plan === undefined || plan.aside) return [];\n  return plan.proves ??',
        'if (plan?.aside) return [];\n  return plan?.proves ??',
      ),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'found nothing to do',
  },
  {
    what: { en: 'a stop is forgotten after whatever success', zh: '任何成功之后都忘记停止记录' },
    edits: [
      edit(
        'lib/domain/ledger/unfinished-runs.ts',
        'if (until.some((area) => since.has(area))) return',
        'if (since.any) return',
      ),
      edit(
        'lib/domain/ledger/proofs.ts',
        '  has = (',
        '  get any() {\n    return this.#others.size > 0;\n  }\n\n  has = (',
      ),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'what it noted of the application is known after one that',
  },
  {
    what: { en: 'backups push a dead run out of sight', zh: '备份把未完成的运行挤出视野' },
    edits: [
      edit(
        'lib/domain/ledger/unfinished-runs.ts',
        'read.set(script, count + 1);',
        "read.set('', (read.get('') ?? 0) + 1);\n    if ((read.get('') ?? 0) > READ) return false;",
      ),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'however many backups have failed since',
  },
  {
    what: { en: 'apply-env has nothing to do while the application is down', zh: '应用停止时 apply-env 仍称无需操作' },
    edits: [edit('scripts/apply-env.ts', ' && !way.isDown', '')],
    test: 'test/simulation/apply-env.test.ts',
    named: 'has the application down',
  },
  {
    what: { en: 'a deployment that was killed hides behind a killed backup', zh: '被终止的备份掩盖了被终止的部署' },
    edits: [
      edit('lib/domain/ledger/unfinished-runs.ts', 'all.find((run) => owedBy(run).length > 0) ?? all[0]', 'all[0]'),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'a backup was killed after a deployment',
  },
  {
    what: {
      en: 'an upgrade of PostgreSQL starts what another run had stopped',
      zh: '升级 PostgreSQL 时启动其他运行停止的应用',
    },
    edits: [
      edit('lib/flows/upgrade-postgres/finish.ts', "run?.script === 'upgrade-postgres' && !standbyRole(app)", 'stamp'),
    ],
    test: 'test/simulation/killed.test.ts',
    named: 'no upgrade of PostgreSQL starts an application that a killed rebuild has',
  },
  {
    what: { en: 'what a person stopped is started after a failure', zh: '人工停止的应用在失败后被启动' },
    edits: [
      edit('lib/domain/replacement/stopped.ts', 'Date.parse(container.startedAt) <= Date.parse(at)', 'true'),
      edit('lib/domain/replacement/stopped.ts', 'started !== undefined &&', 'started === undefined &&'),
    ],
    test: 'test/unit/domain/replacement/stopped.test.ts',
    named: 'who stopped one that',
  },
  {
    what: { en: 'a way back that was cut short is one only when it was the last', zh: '只认最近一次被中断的回退' },
    edits: [
      edit('lib/flows/rollback/survey.ts', "unfinished.includes('rollback-prod')", "unfinished[0] === 'rollback-prod'"),
    ],
    test: 'test/unit/flows/rollback/survey.test.ts',
    named: 'a way back was cut short whatever else was',
  },
  {
    what: { en: 'a run that is left still has the application started', zh: '已保持现状的运行仍导致应用被启动' },
    edits: [edit('lib/domain/replacement/stopped.ts', '(left && isLeft(left))', 'false')],
    test: 'test/unit/domain/replacement/stopped.test.ts',
    named: 'what was left so is meant to be down',
  },
  {
    what: { en: 'what is made good already can be left', zh: '已处理完毕的运行也可“保持现状”' },
    edits: [
      edit(
        'lib/flows/runs/commands.ts',
        'if (![...eachUnfinished(ops.paths)]',
        'if (!run && ![...eachUnfinished(ops.paths)]',
      ),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'is left by a command',
  },
  {
    what: { en: 'an open question holds the lock for ever', zh: '未应答的询问一直占用锁' },
    edits: [edit('lib/runs/terminal/terminal.ts', 'firstAbort(options.stopped, late.signal)', 'options.stopped')],
    test: 'test/unit/runs/terminal/terminal.test.ts',
    named: 'takes no answer within half an hour for none',
  },
  {
    what: { en: 'any success makes it good', zh: '任何脚本成功都算处理完毕' },
    edits: [edit('lib/domain/ledger/proofs.ts', 'return AREAS.every(this.has);', 'return this.#others.size > 0;')],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'another script has succeeded since',
  },
  {
    what: { en: 'the branch is finished, not the commit', zh: '完成的是分支而非当时的提交' },
    edits: [
      edit(
        'lib/runs/interrupted/ways.ts',
        "const also = entriesOf(run, 'plan').at(-1)?.also ?? [];",
        'const also: string[] = [];',
      ),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'finishes with what the options meant',
  },
  {
    what: { en: 'a run is named by the clock alone', zh: '运行只按时钟命名' },
    edits: [edit('lib/domain/ledger/runs.ts', 'Math.max(second, newest + 1000)', 'second')],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'a run comes after all that were',
  },
  {
    what: { en: 'a command without a deadline is run', zh: '没有时限的命令也会执行' },
    edits: [
      edit(
        'lib/core/run.ts',
        'if (!(command.deadlineMs > 0 && command.deadlineMs <= LONGEST_MS)) {',
        'if (LONGEST_MS < 0) {',
      ),
    ],
    test: 'test/unit/core/run.test.ts',
    named: 'for no deadline',
  },
  {
    what: { en: 'no SIGKILL after SIGTERM', zh: 'SIGTERM 之后没有 SIGKILL' },
    edits: [edit('lib/core/run.ts', "killTimer ??= setTimeout(() => ops.kill(pid, 'SIGKILL'), KILL_AFTER_MS);", '')],
    test: 'test/unit/core/run.test.ts',
    named: 'SIGTERM, then SIGKILL',
  },
  {
    what: { en: 'a closed terminal ends a run', zh: '终端关闭会终止运行' },
    edits: [edit('lib/core/world.ts', "process.on('SIGHUP', ignored);", '')],
    test: 'test/processes/signals.test.ts',
    named: 'a closed terminal does not stop a run',
  },
  {
    what: { en: 'a terminal that is closed on a question ends the process', zh: '提问时终端关闭, 进程直接退出' },
    edits: [edit('lib/core/world.ts', 'calmRawMode(process.stdin, ignored);', '')],
    test: 'test/processes/signals.test.ts',
    named: 'a question ends the run, and nothing was changed',
  },
  {
    what: { en: 'npx tsx kills a run that is too busy to answer', zh: 'npx tsx 强制终止来不及响应的运行' },
    edits: [edit('lib/runs/main/main.ts', '  answerTsx();\n', '')],
    test: 'test/processes/signals.test.ts',
    named: 'ends no run that was too busy to answer',
  },
  {
    what: { en: 'Ctrl-C stops nothing', zh: 'Ctrl-C 不停止任何操作' },
    edits: [edit('lib/runs/main/signals.ts', 'stopping.abort(new OpsError(', 'Boolean(new OpsError(')],
    test: 'test/processes/signals.test.ts',
    named: 'Ctrl-C lets the command under way end',
  },
  {
    what: { en: 'a second Ctrl-C ends at once', zh: '第二次 Ctrl-C 立即结束' },
    edits: [edit('lib/runs/main/signals.ts', 'else if (count === 2) screen', 'else if (count === 9) screen')],
    test: 'test/processes/signals.test.ts',
    named: 'a second Ctrl-C says what it would leave',
  },
  {
    what: { en: 'whoever asks has the lock', zh: '谁请求都能得到锁' },
    edits: [
      edit('lib/runs/main/lock.ts', 'command, [0, TAKEN])).exitCode === 0;', 'command, [0, TAKEN])).exitCode >= 0;'),
    ],
    test: 'test/processes/lock.test.ts',
    named: 'that start at once work',
  },
  {
    what: { en: 'commands do not keep the lock', zh: '子命令不持有锁' },
    edits: [edit('lib/runs/main/main.ts', 'lockFd: held.fd,', '')],
    test: 'test/processes/lock.test.ts',
    named: 'stays with a command that outlives its run',
  },
  {
    what: { en: 'the lock of a project is another one in each directory', zh: '各目录使用不同的项目锁' },
    edits: [
      edit(
        'lib/runs/main/hold.ts',
        'projectLock(locks, engine, project)',
        'projectLock(locks, engine, project + holder.dir)',
      ),
    ],
    test: 'test/processes/lock.test.ts',
    named: 'keeps out a run from another directory',
  },
  {
    what: { en: 'commands do not keep the project’s lock', zh: '子命令不持有项目锁' },
    edits: [edit('lib/core/run.ts', '[lockFd, hold?.fd].filter', '[lockFd].filter')],
    test: 'test/processes/lock.test.ts',
    named: 'keeps the project, too, with a command that outlives its run',
  },
];
