import { type Break, edit } from './break.ts';

const sweep = (name: string) => `test/simulation/sweep-${name}.test.ts`;
const killed = { test: 'test/simulation/killed.test.ts' };
const BRING_BACK = edit('scripts/deploy-prod-all.ts', 'undo: (o) => rebuild.bringBackApp(o, facts, aside),', '');

/** Data, the service, what a killed run leaves: most of them seen by the simulation with the sample of `npm test`. */
export const DATA: readonly Break[] = [
  {
    what: { en: 'consent leaves one volume out', zh: '确认时漏掉一个卷' },
    edits: [edit('lib/rebuild/plan.ts', 'volumes: plan.deletes,', 'volumes: plan.deletes.slice(1),')],
    test: 'test/unit/plan.test.ts',
    named: 'asks consent for exactly what it deletes',
  },
  {
    what: { en: 'a change of a rebuild has no way back', zh: '重建中的改动没有回退方式' },
    edits: [
      edit(
        'lib/rebuild/planned-steps.ts',
        "wayBack: { en: 'the same container is started again', zh: '重新启动原容器' },",
        '',
      ),
    ],
    test: 'test/unit/plan.test.ts',
    named: 'asks consent for exactly what it deletes',
  },
  {
    what: { en: 'a change of an update has no way back', zh: '更新中的改动没有回退方式' },
    edits: [
      edit(
        'lib/update/planned-steps.ts',
        "wayBack: { en: 'the former files, by the same renames', zh: '以同样方式换回原文件' },",
        '',
      ),
    ],
    test: 'test/unit/update-plan.test.ts',
    named: 'whatever there is',
  },
  {
    what: { en: 'a backup counts without having been restored', zh: '未经恢复验证的备份也算数' },
    edits: [
      edit(
        'lib/guard/saved.ts',
        'await restoreAndCompare(ops, stored, throwaway);',
        '{ differences: [], milliseconds: 0, throwaway };',
      ),
    ],
    test: sweep('delete'),
    says: 'lost for ever',
  },
  {
    what: { en: 'the dump from before the stop counts as the last', zh: '停止之前的备份当作最后一份' },
    edits: [
      edit(
        'lib/rebuild/final-backup.ts',
        '    backupPg(inner, db, deleting ? { ...options, whenRead } : options),\n',
        '    (deleting ? whenRead(inner) : Promise.resolve()).then(() => aside.backup ?? backupPg(inner, db, options)),\n',
      ),
    ],
    test: sweep('delete'),
    says: 'lost for ever',
  },
  {
    what: { en: 'the consent is not written down', zh: '确认没有写入流水' },
    edits: [edit('lib/guard/consent.ts', "ops.journal.write({ event: 'consent', things: named });", 'named.sort();')],
    test: sweep('delete'),
    says: 'nobody agreed to lose',
  },
  {
    what: { en: 'the application is not brought back', zh: '不恢复应用' },
    edits: [BRING_BACK],
    test: sweep('keep'),
    says: '+   "needsPerson": [',
  },
  {
    what: { en: 'the same, and its proof is taken for granted', zh: '同上, 且不验证恢复结果' },
    edits: [
      BRING_BACK,
      edit('lib/rebuild/undo.ts', 'const proof = await asBefore(ops, facts, aside);', 'const proof = FIRST_INSTALL;'),
    ],
    test: sweep('keep'),
    says: 'production is down, and the run says that all is as before',
  },
  {
    what: { en: 'pg_hba.conf is rewritten with `trust` for all', zh: 'pg_hba.conf 被写入对所有人的 `trust`' },
    edits: [
      edit(
        'lib/postgres/hba.ts',
        'after: withoutRemoteTrust(before, lines, method),',
        'after: `host all all all trust\\n${before}`,',
      ),
    ],
    test: sweep('legacy'),
    says: 'pg_hba.conf is weaker than before',
  },
  {
    what: { en: 'the password is an argument of the login’s trial', zh: '试登录时把密码放在参数中' },
    edits: [edit('lib/postgres/login.ts', 'db.user, db.name],', 'db.user, db.name, password],')],
    test: sweep('keep'),
    says: 'is in the arguments of a command',
  },
  {
    what: { en: 'the lock is not released', zh: '锁没有释放' },
    edits: [edit('lib/guard/lock.ts', 'release: () => closeSync(fd) };', 'release: () => undefined };')],
    test: sweep('restore'),
    says: 'the lock is held',
  },
  {
    what: { en: '`docker start` is not announced in the journal', zh: '`docker start` 没有预先写入流水' },
    edits: [edit('lib/host/docker.ts', "change(['docker', 'start', id])", "read(['docker', 'start', id])")],
    test: sweep('keep'),
    says: 'not in the journal',
  },
  {
    what: { en: 'a failed command’s result is not written', zh: '失败的命令没有写入结果' },
    edits: [
      edit('lib/host/run.ts', 'if (intent !== undefined) {', 'if (intent !== undefined && output.exitCode === 0) {'),
    ],
    test: sweep('keep'),
    says: 'no result in the journal',
  },
  {
    what: { en: 'a run that failed does not write its end', zh: '失败的运行没有写入结束' },
    edits: [
      edit(
        'lib/runbook/script.ts',
        "  lenient(journal, screen).write({ event: 'run-end'",
        "  if (exitCode === 0) lenient(journal, screen).write({ event: 'run-end'",
      ),
    ],
    test: sweep('keep'),
    says: 'without an end',
  },
  {
    what: { en: 'the next start looks for no unfinished run', zh: '下次启动不查找未结束的运行' },
    edits: [
      edit('lib/runbook/script.ts', 'const unfinished = findUnfinished({ state });', 'const unfinished = undefined;'),
    ],
    test: sweep('restore'),
    says: 'nobody says that',
  },
  {
    what: { en: 'no deadline', zh: '没有时限' },
    edits: [edit('lib/host/run.ts', '  }, deadlineMs);', '  }, LONGEST_MS + 0 * deadlineMs);')],
    test: sweep('keep'),
    says: 'nothing ended docker',
  },
  {
    what: { en: 'the error does not say how long', zh: '报错没有说明多久' },
    edits: [
      edit(
        'lib/host/run.ts',
        'en: `${shown}: no end after ${command.deadlineMs / 1000} s, so it was stopped.${tail',
        'en: `${shown}: was stopped.${tail',
      ),
    ],
    test: sweep('keep'),
    says: 'nobody says that it did not end, and after how long',
  },
  {
    what: { en: 'userdata of a killed rebuild is not looked for', zh: '不查找被杀重建所保存的 userdata' },
    edits: [
      edit(
        'lib/rebuild/app-container.ts',
        'const former = neverServed(app) ? userdataOfUnfinished(ops) : undefined;',
        'const former = neverServed(app) ? undefined : undefined;',
      ),
    ],
    ...killed,
    says: 'userdata differs in the end',
  },
  {
    what: {
      en: 'the number of workers before a killed update is not looked for',
      zh: '不查找被杀更新之前的 worker 数量',
    },
    edits: [
      edit('lib/update/survey.ts', 'workersOfUnfinished(ops, { app, programs }) ?? workers.length', 'workers.length'),
    ],
    ...killed,
    named: 'there are no more workers than before',
  },
  {
    what: { en: 'an update is taken for done before it is recorded', zh: '更新在登记之前就被视为完成' },
    edits: [
      edit(
        'lib/update/settle.ts',
        '  const { staging } = progress;',
        '  const { staging } = progress;\n  await attempt(() => sweepStaging(calm, staging));',
      ),
    ],
    ...killed,
    named: 'an update that was killed when it had been proved',
  },
  {
    what: {
      en: 'the configuration that a killed update put in place is not read',
      zh: '不让 gunicorn 读取被杀更新所放入的配置',
    },
    edits: [
      edit(
        'lib/update/survey.ts',
        'owedRestart: restartOfUnfinished(ops, { app, programs }),',
        'owedRestart: undefined,',
      ),
    ],
    ...killed,
    named: 'another configuration of gunicorn comes into force',
  },
  {
    what: { en: 'the files from before a failed update are not put back', zh: '更新失败后不放回原文件' },
    edits: [edit('lib/update/carry-out.ts', 'undo: (o) => switchBack(o, facts, progress),', '')],
    test: 'test/simulation/update.test.ts',
    named: 'goes back from a release',
  },
  {
    what: { en: 'the same, in the sweep', zh: '同上, 由抽样发现' },
    edits: [edit('lib/update/carry-out.ts', 'undo: (o) => switchBack(o, facts, progress),', '')],
    test: sweep('update'),
    says: '+   "needsPerson": [',
  },
  {
    what: { en: 'the restore drops the former database', zh: '恢复时删除原数据库' },
    edits: [
      edit(
        'lib/restore/steps.ts',
        'const { before } = await swapIn(ops, progress.beside);',
        'const { before } = await swapIn(ops, progress.beside);\n  if (before) await dropDatabase(ops, progress.beside.server, before);',
      ),
    ],
    test: sweep('restore'),
    says: 'the old database is nowhere',
  },
  {
    what: { en: 'whoever has the project’s name has the stack', zh: '项目同名即视为自己的服务' },
    edits: [edit('lib/target/owners.ts', "others: by('other', ours)", 'others: []')],
    test: 'test/simulation/owner.test.ts',
    named: 'is refused what the first one made, and both are named',
  },
  {
    what: { en: 'a directory that was moved is taken for another one’s that is gone', zh: '目录移动后不再询问归属' },
    edits: [edit('lib/target/owners.ts', "moved: by('gone', ours)", 'moved: []')],
    test: 'test/simulation/owner.test.ts',
    named: 'asks whether it was moved when the old path is gone',
  },
  {
    what: { en: 'another path of the directory is another directory', zh: '同一目录的另一路径视为另一个目录' },
    edits: [
      edit(
        'lib/target/owners.ts',
        "theirs.dev === own.dev && theirs.ino === own.ino ? 'same' : 'other'",
        "place === ours ? 'same' : 'other'",
      ),
    ],
    test: 'test/simulation/owner.test.ts',
    named: 'is the same by another path',
  },
  {
    what: { en: 'what was taken over is not remembered', zh: '接管结果未被记录' },
    edits: [edit('lib/guard/adopted.ts', 'if (adopted.size === 0) return;', 'if (adopted.size >= 0) return;')],
    test: 'test/simulation/owner.test.ts',
    named: 'and is not asked again',
  },
  {
    what: { en: 'another machine’s engine will do', zh: '接受其他机器的引擎' },
    edits: [edit('lib/target/engine.ts', "endpoint === '' || endpoint.startsWith('unix://')", "endpoint !== 'none'")],
    test: 'test/simulation/owner.test.ts',
    named: 'is told to whoever only looks',
  },
  {
    what: { en: 'what is built is what lies in the deploy directory', zh: '按部署目录现状构建镜像' },
    edits: [edit('lib/app/image.ts', '...(section && { override })', '...(!section && { override })')],
    test: 'test/simulation/life.test.ts',
    named: 'builds from the commit alone',
    says: 'contains the state directory',
  },
  {
    what: { en: 'files have the modes that the umask leaves', zh: '构建文件权限受 umask 影响' },
    edits: [edit('lib/release/artefacts.ts', "'--mode=u=rwX,go=rX', ", '')],
    test: 'test/e2e/git-build.e2e.test.ts',
    named: 'has the declared artefacts',
  },
];
