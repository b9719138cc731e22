import { type Break, edit } from './break.ts';

/** Nothing is lost, nothing stays broken, and what is said is so: what serves, what is kept for going back, who is in the way. */
export const PROMISES: readonly Break[] = [
  {
    what: {
      en: 'a container in a crash loop, which the engine does not rename, ends the way back',
      zh: '崩溃循环中的容器无法重命名, 恢复因此中断',
    },
    edits: [edit('lib/domain/replacement/replace.ts', '.catch(ifFails(stopFirst))', '.finally(() => stopFirst)')],
    test: 'test/simulation/way-back.test.ts',
    named: 'brings the former container back from one that ends at its start',
  },
  {
    what: { en: 'workers that are recycled together count as an outage', zh: 'worker 同时轮换被当作服务中断' },
    edits: [
      edit('lib/domain/app/health.ts', '{ timeoutMs = PATIENCE_MS } = options', '{ timeoutMs = GLANCE_MS } = options'),
    ],
    test: 'test/unit/domain/app/health.test.ts',
    named: 'waits as visitors do',
  },
  {
    what: { en: 'jobs that a release cuts are not told', zh: '发布中断的任务不提示' },
    edits: [edit('lib/domain/hot-release/prove.ts', '...cutTexts(cut)', '')],
    test: 'test/simulation/jobs.test.ts',
    named: 'jobs that its processes',
  },
  {
    what: { en: 'jobs that a new container cuts are not told', zh: '更换容器中断的任务不提示' },
    edits: [edit('lib/domain/replacement/served.ts', '...cutTexts(await cutNow(ops, facts, app))', '')],
    test: 'test/simulation/jobs.test.ts',
    named: 'jobs that its processes',
  },
  {
    what: { en: 'what an earlier run cut counts as under way', zh: '之前被中断的任务仍视为正在执行' },
    edits: [edit('lib/domain/app/jobs.ts', '`${ops.target.jobs.since} > ${literal(from)}`', "'true'")],
    test: 'test/simulation/jobs.test.ts',
    named: 'a row that no process can be at',
  },
  {
    what: {
      en: 'a signal to gunicorn that nobody waits for any more meets the undoing',
      zh: '已无人等待的 gunicorn 信号与撤销冲突',
    },
    edits: [edit('lib/domain/app/workers.ts', 'if (signal === undefined && !(drops && bring))', 'if (!drops)')],
    test: 'test/unit/domain/app/workers.test.ts',
    named: 'has workers of gunicorn',
  },
  {
    what: { en: 'a full disk turns the end of a program into a failure', zh: '磁盘写满时, 程序正常结束被当作失败' },
    edits: [
      edit(
        'lib/tools/docker/attached.ts',
        "lenient(ops.journal, ops.screen).write({ event: 'result'",
        "ops.journal.write({ event: 'result'",
      ),
    ],
    test: 'test/unit/domain/app/freezer.test.ts',
    named: 'has them go on, and ends, also on a full disk',
  },
  {
    what: {
      en: 'what fails after everything was proved takes it back',
      zh: '验证完成之后的失败导致已上线的版本被撤回',
    },
    edits: [
      edit(
        'scripts/deploy-prod-all.ts',
        'return { proven, started };',
        'rebuild.conclude(ops, run, proven, undefined);\nawait rebuild.tellStateInKept(ops, facts.stack);\nreturn { proven, started };',
      ),
    ],
    test: 'test/simulation/way-back.test.ts',
    named: 'what is proved and recorded is not taken back by a Ctrl-C',
  },
  {
    what: { en: 'what is kept for going back starts with the machine', zh: '保留的旧容器随机器自行启动' },
    edits: [
      edit(
        'lib/domain/replacement/replace.ts',
        "  if (startsAgain(definition)) await run(ops, setRestart(container.id, 'no'));\n",
        '',
      ),
    ],
    test: 'test/simulation/killed.test.ts',
    named: 'before a kill and a reboot is production once',
  },
  {
    what: { en: 'a container that is given back has lost its restart policy', zh: '恢复的容器丢失重启策略' },
    edits: [
      edit('lib/domain/replacement/replace.ts', 'if (present && policy) await run(ops, setRestart(id, policy));', ''),
    ],
    test: 'test/simulation/killed.test.ts',
    named: 'before a kill and a reboot is production once',
  },
  {
    what: {
      en: 'a killed rebuild’s former container outlives a proved update',
      zh: '热更新验证后仍保留被杀重建的旧容器',
    },
    edits: [
      edit(
        'lib/domain/hot-release/settle.ts',
        "  await attempt(() => discardFormers(calm, facts.stack, ['app'], facts.app.id));\n",
        '',
      ),
    ],
    test: 'test/simulation/killed.test.ts',
    named: 'nobody goes back any more to what a killed rebuild had put aside',
  },
  {
    what: { en: 'a killed rollback stays unfinished whatever is proved', zh: '被杀的回退始终视为未完成' },
    edits: [
      edit(
        'lib/domain/ledger/proofs.ts',
        'return isOld && plan ? ROLLBACK_OWES : areasOf(run);',
        'return isOld ? areasOf(run) : areasOf(run);',
      ),
    ],
    test: 'test/unit/runs/interrupted/interrupted.test.ts',
    named: 'what is unfinished when',
  },
  {
    what: { en: 'userdata that can’t be read is lost unasked', zh: '无法读取的 userdata 未经确认即丢弃' },
    edits: [edit('scripts/deploy-prod-all.ts', 'if (!consent && plan.losesUserdata) await', 'if (!plan) await')],
    test: 'test/simulation/way-back.test.ts',
    named: 'a wreck of which nothing at all can be read',
  },
  {
    what: { en: 'a mount that fails is taken for userdata that is not there', zh: '把挂载失败当作没有 userdata' },
    edits: [
      edit(
        'lib/tools/docker/container-files.ts',
        '/no such container:path|could not find the file/i',
        '/no such|could not find/i',
      ),
    ],
    test: 'test/simulation/way-back.test.ts',
    named: 'a wreck of which nothing at all can be read',
    says: 'docker cp can’t read',
  },
  {
    what: {
      en: 'rows that a failed migration may have changed count as before',
      zh: '失败迁移可能改动的数据行被视为未变',
    },
    edits: [
      edit(
        'lib/domain/hot-release/database.ts',
        '  if (rows.length > 0) throw halfWay(rowsText(rows), [], update);\n',
        '',
      ),
    ],
    test: 'test/simulation/update.test.ts',
    named: 'never says so over one that changed nothing but rows',
  },
  {
    what: { en: 'a backup waits in a table’s queue and says nothing', zh: '备份排队等待表锁且不提示' },
    edits: [
      edit(
        'lib/domain/backup/backup.ts',
        '    await waitUntilReadable(ops, db, options.whenRead ? SHORT_PATIENCE_MS : PATIENCE_MS);\n',
        '',
      ),
    ],
    test: 'test/simulation/locked-table.test.ts',
    named: 'a backup says whom it waits for',
  },
  {
    what: { en: 'pg_dump gives up without who was in its way', zh: 'pg_dump 放弃时不说明占用者' },
    edits: [
      edit(
        'lib/domain/backup/backup.ts',
        'if (TableLocked.caused(error)) throw',
        'if (options.tag === error.message) throw',
      ),
    ],
    test: 'test/simulation/locked-table.test.ts',
    named: 'a backup whose pg_dump meets what was taken a moment before',
  },
  {
    what: { en: 'a database is replaced under those who replicate it', zh: '替换正在被复制的数据库' },
    edits: [
      edit(
        'lib/domain/restoration/survey.ts',
        '  refuseReplication(database, await replicationOf(ops, database));\n',
        '',
      ),
    ],
    test: 'test/simulation/restore.test.ts',
    named: 'refuses a database that is replicated',
  },
  {
    what: { en: 'a kept image with the state directory is not named', zh: '不指出含有状态目录的保留镜像' },
    edits: [edit('lib/domain/images/kept.ts', 'if (found.length > 0) ops', 'if (found.length > 99) ops')],
    test: 'test/simulation/life.test.ts',
    named: 'builds from the commit alone',
  },
  {
    what: { en: 'a drill builds by the compose file of the day', zh: '演练按当前 compose 文件构建' },
    edits: [
      edit(
        'lib/domain/images/build.ts',
        'apart ? await asCommitted(ops, stack, commit, context) : { target',
        'context === "" ? await asCommitted(ops, stack, commit, context) : { target',
      ),
    ],
    test: 'test/e2e/image.e2e.test.ts',
    named: 'leaves the service’s own image alone when it is built apart',
  },
  {
    what: { en: 'the file with a login’s password keeps its name', zh: '登录密码文件保留文件名' },
    edits: [edit('lib/tools/postgres/login.ts', 'exec 3<> "$f"; rm -f "$f"', 'exec 3<> "$f"')],
    test: 'test/processes/login.test.ts',
  },
  {
    what: { en: 'what is proved is taken back for what it replaced', zh: '因旧容器未能清理而撤销已验证的发布' },
    edits: [
      edit('lib/core/screen.ts', "screen.show({ event: 'warning', text: left(whatHappened(error)) });", 'throw error;'),
    ],
    test: 'test/simulation/way-back.test.ts',
    named: 'what is proved is not taken back because the containers that it replaced',
  },
  {
    what: {
      en: 'what a restarted container has read of a release goes on under the former files',
      zh: '回退后重启过的容器仍按新版本的配置运行',
    },
    edits: [edit('lib/domain/hot-release/switch.ts', "restart.kind !== 'container'", "restart.kind !== 'rolling'")],
    test: 'test/simulation/update.test.ts',
    named: 'restarts the container again when a release does not stay up that',
  },
  {
    what: {
      en: 'an undoing that was killed leaves the new configuration in force under the former files, and nothing owed',
      zh: '撤销被强制终止后, 旧文件之上仍是新配置, 却没有记录待重启',
    },
    edits: [edit('lib/domain/hot-release/switch.ts', '  await noteWhoHasRead(ops, update, checked);\n', '')],
    test: 'test/simulation/killed.test.ts',
    named: 'is restarted once more after a kill',
  },
  {
    what: { en: 'all is as before, but a program that ran', zh: '声称一切恢复原状, 而有程序未恢复运行' },
    edits: [
      edit(
        'lib/domain/hot-release/undo.ts',
        "facts.pendingRestart !== 'container'",
        "facts.pendingRestart === 'container'",
      ),
    ],
    test: 'test/simulation/update.test.ts',
    named: 'while a program is down that ran',
  },
  {
    what: {
      en: 'a release is put under an nginx that can’t be told of it',
      zh: 'nginx 已无法重新载入, 仍切换到新版本',
    },
    edits: [edit('lib/domain/hot-release/check.ts', '    requireReloadable(ops, staging.container),\n', '')],
    test: 'test/simulation/update.test.ts',
    named: 'refuses while nginx could not be told of the release',
  },
  {
    what: {
      en: 'an nginx that can’t be told of the way back has the container restarted, which does not come up',
      zh: '回退时 nginx 无法重新载入, 导致重启一个起不来的容器',
    },
    edits: [
      edit(
        'lib/domain/hot-release/switch.ts',
        '  await reloadIfPossible(ops, container);',
        "  await run(ops, exec('change', container, ['sh', '-c', 'nginx -s reload']));",
      ),
    ],
    test: 'test/simulation/update.test.ts',
    named: 'restarts no container because nginx can not read',
  },
  {
    what: {
      en: 'a scheduler that is at a job has a good release taken back',
      zh: '调度器正在执行任务, 导致正常的版本被撤回',
    },
    edits: [
      edit('lib/domain/app/workers.ts', 'ops.target.bootSeconds + leaveSeconds(program);', 'ops.target.bootSeconds;'),
    ],
    test: 'test/simulation/update.test.ts',
    named: 'waits for a scheduler that is at a job',
  },
  {
    what: { en: 'all is as before while nobody schedules yet', zh: '声称恢复原状, 而调度器尚未运行' },
    edits: [edit('lib/domain/hot-release/switch.ts', " && w.state !== 'leaving'", '')],
    test: 'test/simulation/update.test.ts',
    named: 'until somebody schedules again',
  },
  {
    what: {
      en: 'a program that is still ending on the way back has the container restarted',
      zh: '回退时程序仍在结束, 却重启容器或再次重启该程序',
    },
    edits: [
      edit(
        'lib/domain/hot-release/switch.ts',
        "?.state === 'STOPPING' ? undefined : true",
        "?.state === '' ? undefined : true",
      ),
    ],
    test: 'test/simulation/update.test.ts',
    named: 'waits for it on the way back, too, before anything harder',
  },
  {
    what: {
      en: 'the trial follows a configuration’s chdir to the code that runs already',
      zh: '试运行按配置的 chdir 加载了线上正在运行的代码',
    },
    edits: [
      edit(
        'lib/domain/app/agent/try_gunicorn.py',
        'gunicorn.cfg.set("chdir", staged(gunicorn.cfg.chdir))\n    gunicorn.chdir()',
        'pass',
      ),
    ],
    test: 'test/unit/domain/app/gunicorn.test.ts',
    named: 'tries the staged code, never the code in place',
  },
  {
    what: {
      en: 'the trial finds modules in the code that runs already',
      zh: '试运行从线上正在运行的代码中导入模块',
    },
    edits: [edit('lib/domain/app/agent/try_gunicorn.py', 'sys.path[:] = map(staged, sys.path)', 'pass')],
    test: 'test/unit/domain/app/gunicorn.test.ts',
    named: 'tries the staged code, never the code in place',
  },
  {
    what: {
      en: 'a file that the application wrote meanwhile takes a good release back',
      zh: '应用在期间写入的文件导致正常的版本被撤回',
    },
    edits: [edit('lib/domain/hot-release/files-in-place.ts', 'differ.filter(isOurs)', 'differ')],
    test: 'test/simulation/update.test.ts',
    named: 'although the application writes beside its code',
  },
  {
    what: {
      en: 'a file of the release that was changed meanwhile counts as not from git',
      zh: '期间被改动的发布文件被当作非 git 文件',
    },
    edits: [edit('lib/domain/hot-release/files-in-place.ts', 'differ.filter(isOurs)', '[]')],
    test: 'test/simulation/update.test.ts',
    named: 'believes no release of which a file was changed meanwhile',
  },
  {
    what: {
      en: 'the repository’s own file replaces what the image copies to its place',
      zh: '仓库中的同名文件覆盖了镜像构建时复制到该处的文件',
    },
    edits: [edit('lib/domain/release/copies.ts', 'own(files), own(tree)', 'files, tree')],
    test: 'test/simulation/update.test.ts',
    named: 'leaves what the image copies there',
  },
  {
    what: {
      en: 'a file that the image has elsewhere as well counts as released',
      zh: '镜像另行复制到别处的文件视为已发布',
    },
    edits: [
      edit(
        'lib/domain/release/find-rebuild-reasons.ts',
        "    ...elsewhereReasons(ops.target, changed, dockerfile ?? '', compared.buildTarget),\n",
        '',
      ),
    ],
    test: 'test/unit/domain/release/copied-elsewhere.test.ts',
    named: 'needs a rebuild for what changes, comes and goes of it',
  },
  {
    what: {
      en: 'a file that goes while the container is looked at ends the look',
      zh: '查看容器时文件恰好消失导致查看失败',
    },
    edits: [
      edit(
        'lib/domain/app/agent/inventory.py',
        'except (FileNotFoundError, NotADirectoryError):',
        'except IndexError:',
      ),
    ],
    test: 'test/unit/domain/app/inventory.test.ts',
    named: 'takes a file that goes while it looks',
  },
  {
    what: {
      en: 'the sign of a killed update goes with the next one, which fails',
      zh: '被强制终止的更新留下的标记被下一次失败的运行清除',
    },
    edits: [edit('lib/domain/app/staging.ts', 'kept: [MARKER, ', 'kept: [')],
    test: 'test/simulation/killed.test.ts',
    named: 'is unfinished also after the next one failed',
  },
  {
    what: {
      en: 'a program beside the web program may run older code, and there is nothing to do',
      zh: 'web 以外的程序仍运行旧代码, 却提示无需操作',
    },
    edits: [edit('lib/domain/hot-release/survey.ts', '[web, ...programs.companions]', '[web]')],
    test: 'test/unit/domain/hot-release/survey.test.ts',
    named: 'was started before the files were put in place',
  },
  {
    what: {
      en: 'the names of files that were changed by hand stand on a command line',
      zh: '被手工修改的文件名写在命令行上',
    },
    edits: [edit('lib/domain/hot-release/switch.ts', "'--null', '-T', '-'];", "'--', ...facts.files.handEdited];")],
    test: 'test/simulation/update.test.ts',
    named: 'keeps what somebody had changed',
  },
];
