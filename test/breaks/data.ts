import { type Break, edit } from './break.ts';

const sweep = (name: string) => `test/simulation/sweep-${name}.test.ts`;
const IDENTITY = 'test/simulation/identity.test.ts';
const killed = { test: 'test/simulation/killed.test.ts' };
const BRING_BACK = edit('lib/domain/replacement/steps.ts', 'undo: (ops) => bringBackApp(ops, cutover),', '');

/** Data, the service, what a killed run leaves: most of them seen by the simulation with the sample of `npm run test:simulation`. */
export const DATA: readonly Break[] = [
  {
    what: { en: 'the new database is prepared by a server of another user', zh: '以其他用户身份准备新数据库' },
    edits: [edit('lib/domain/stack/stack.ts', "...(user ? ['--user', user] : []),", '...(user ? [] : []),')],
    test: IDENTITY,
    named: 'prepares the new database by a server as the compose file has it',
  },
  {
    what: { en: 'an image is tried at the address that production has', zh: '试运行时使用生产容器的固定地址' },
    edits: [
      edit(
        'lib/domain/stack/create-service.ts',
        'const { ipv4_address: __, ipv6_address: ___, mac_address: ____, ...more } = endpoint ?? {};',
        'const more = endpoint ?? {};',
      ),
    ],
    test: 'test/simulation/replicas.test.ts',
    named: 'tries a new image beside a container that has an address of its own choice',
  },
  {
    what: { en: 'compose may make a network anew that production uses', zh: 'compose 可能重建生产正在使用的网络' },
    edits: [edit('lib/domain/stack/create-service.ts', 'there.has(name) ?', '!there.has(name) ?')],
    test: 'test/simulation/replicas.test.ts',
    named: 'takes nothing off a network that the compose file declares in another way',
  },
  {
    what: { en: 'a volume that nobody named is lost with its container', zh: '未命名的卷随旧容器丢失' },
    edits: [
      edit(
        'lib/tools/docker/definition.ts',
        "mount.Type === 'volume' && !mount.Source && Source",
        "mount.Type === '' && Source",
      ),
    ],
    test: 'test/unit/tools/docker/definition.test.ts',
    named: 'goes on using the former container’s volumes that nobody named',
  },
  {
    what: { en: 'a former release has userdata where it was then', zh: '回退后 userdata 仍用旧版本当时的位置' },
    edits: [edit('lib/flows/rollback/image-survey.ts', 'return kept && app ?', 'return kept && !app ?')],
    test: 'test/simulation/rollback.test.ts',
    named: 'leaves userdata where it is by now',
  },
  {
    what: { en: 'the image of a hot-updated container has its userdata', zh: '热更新容器的镜像中含有 userdata' },
    edits: [edit('lib/domain/images/code.ts', '!isWithin(file, ops.target.app.userdata)', "file !== ''")],
    test: 'test/simulation/rollback.test.ts',
    named: 'brings nothing back by the image of a hot-updated container',
  },
  {
    what: { en: 'the image of a hot-updated container passes for a helper', zh: '热更新容器的镜像被视为辅助镜像' },
    edits: [edit('lib/domain/images/code.ts', '[...changes, ...unlabelled]', 'changes')],
    test: 'test/unit/domain/images/code.test.ts',
    named: 'leaves to the image what it starts',
  },
  {
    what: {
      en: 'a former release’s mount that is gone becomes an empty directory',
      zh: '旧版本的挂载源缺失时变成空目录',
    },
    edits: [
      edit(
        'lib/flows/rollback/image-survey.ts',
        'kept ? await keptRefusals(ops, facts, kept) : wishes',
        'kept ? [] : wishes',
      ),
    ],
    test: 'test/simulation/rollback.test.ts',
    named: 'refuses a way back by image to a container whose mount or address is gone',
  },
  {
    what: { en: 'a mount that this user can’t look at ends the survey', zh: '无权查看的挂载源使检查中断' },
    edits: [edit('lib/tools/files/seen.ts', 'return null;', 'return statSync(file);')],
    test: 'test/unit/domain/stack/binds.test.ts',
    named: 'does not judge what this user can’t look at',
  },
  {
    what: { en: 'what is mounted in userdata counts as saved', zh: '挂载在 userdata 内的内容也计入保存大小' },
    edits: [edit('lib/domain/app/userdata.ts', "of === 'own' ? '-skx' : '-sk'", "of === 'own' ? '-sk' : '-skx'")],
    test: 'test/simulation/rollback.test.ts',
    named: 'refuses a way back by image for which there is no room',
  },
  {
    what: {
      en: 'the new database is prepared without the application’s files',
      zh: '准备新数据库时应用缺少挂载的文件',
    },
    edits: [edit('lib/flows/rebuild/prepare.ts', "kind === 'bind' && target", "kind === 'own' && target")],
    test: IDENTITY,
    named: 'prepares the new database by an application with the files',
  },
  {
    what: { en: 'a rootless engine is found out during the outage', zh: '停机后才发现引擎为 rootless' },
    edits: [
      edit(
        'lib/domain/replacement/survey.ts',
        '  await requireReachable(ops);\n',
        '  requireReachable(ops).catch(() => undefined);\n',
      ),
    ],
    test: IDENTITY,
    named: 'refuses an engine that runs rootless',
  },
  {
    what: { en: 'a container is made without what only compose gives it', zh: '新容器缺少只有 compose 才能提供的内容' },
    edits: [edit('lib/domain/stack/create-service.ts', 'composeOnly.length > 0', 'composeOnly.length > 99')],
    test: 'test/simulation/replicas.test.ts',
    named: 'refuses where only compose gives',
  },
  {
    what: { en: 'a volume whose files stay counts as deleted', zh: '把文件仍会保留的卷当作可删除' },
    edits: [edit('lib/tools/docker/same-volume.ts', "(Options?.['device'] !== undefined", '(Options === undefined')],
    test: IDENTITY,
    named: 'deletes no volume whose files would stay',
  },
  {
    what: { en: 'a new database is written over one that is there', zh: '新数据库覆盖已有的数据库文件' },
    edits: [
      edit(
        'lib/flows/rebuild/start-stores.ts',
        'if ((await findDataDirectories(ops, imageId, [source])).length > 0) throw holdsData(source);',
        'if (holdsData(source) === undefined) await findDataDirectories(ops, imageId, [source]);',
      ),
    ],
    test: IDENTITY,
    named: 'writes no new database over one that is there after all',
  },
  {
    what: { en: 'a lack of this machine counts as a damaged archive', zh: '本机资源不足被当作归档损坏' },
    edits: [edit('lib/domain/backup/volume-trial.ts', ' || OUR_OWN.test(said.en)', '')],
    test: 'test/unit/flows/backup/backup-prod.test.ts',
    named: 'does not blame a volume’s archive for',
  },
  {
    what: {
      en: '.env makes compose take down what a command does not name',
      zh: '.env 使 compose 停掉命令未指定的容器',
    },
    edits: [edit('lib/core/shell.ts', "COMPOSE_REMOVE_ORPHANS: 'false',", '')],
    test: 'test/simulation/env.test.ts',
    named: 'takes down nothing that a command of ours does not name',
  },
  {
    what: { en: 'a restore is not taken back where there was no database', zh: '原本没有数据库时, 恢复无法撤回' },
    edits: [
      edit(
        'lib/domain/restoration/steps.ts',
        'const former = await isThere(ops, server, before);',
        'const former = true;',
      ),
    ],
    test: 'test/simulation/restore.test.ts',
    named: 'takes it back where there was no database before',
  },
  {
    what: { en: 'data that is not the data from before is taken for it', zh: '把不是原来的数据当成原来的数据' },
    edits: [edit('lib/tools/postgres/identity.ts', 'if (found.length > 0) throw notTheSame(found);', 'found.slice();')],
    test: IDENTITY,
    named: 'writes nothing to',
  },
  {
    what: { en: 'nobody compares where data is with where it would be', zh: '不比较数据现在与将来的位置' },
    edits: [
      edit(
        'lib/domain/replacement/data-refusals.ts',
        'if (samePlace(now, next)) return [];',
        'if (now || next) return [];',
      ),
    ],
    test: IDENTITY,
    named: 'is refused before the stop when it moves',
  },
  {
    what: { en: 'a volume that no service mounts is not looked into', zh: '不检查没有服务挂载的卷' },
    edits: [edit('lib/domain/replacement/survey-data.ts', 'missing[f.of] &&', 'f.of === undefined &&')],
    test: IDENTITY,
    named: 'finds the database in a volume that no service mounts any more',
  },
  {
    what: { en: 'userdata that is mounted is saved and put back', zh: '保存并放回挂载的 userdata' },
    edits: [
      edit(
        'lib/domain/app/userdata.ts',
        "if (placeOf(mounts, app.userdata).kind !== 'own') return [app.userdata];",
        "if (placeOf(mounts, '/').kind !== 'own') return [app.userdata];",
      ),
      edit(
        'lib/domain/app/userdata.ts',
        "m.kind !== 'own' && isWithin(m.target, app.userdata)",
        'm.source === app.userdata',
      ),
    ],
    test: IDENTITY,
    named: 'leaves userdata alone that is a volume',
  },
  {
    what: { en: 'consent leaves one volume out', zh: '确认时漏掉一个卷' },
    edits: [edit('lib/flows/rebuild/plan.ts', 'volumes: plan.deletes,', 'volumes: plan.deletes.slice(1),')],
    test: 'test/unit/flows/rebuild/plan.test.ts',
    named: 'asks consent for exactly what it deletes',
  },
  {
    what: { en: 'a change of a rebuild has no way back', zh: '重建中的改动没有回退方式' },
    edits: [
      edit(
        'lib/domain/replacement/steps.ts',
        "wayBack: { en: 'the same container is started again', zh: '重新启动原容器' },",
        '',
      ),
    ],
    test: 'test/unit/flows/rebuild/plan.test.ts',
    named: 'asks consent for exactly what it deletes',
  },
  {
    what: { en: 'a change of an update has no way back', zh: '更新中的改动没有回退方式' },
    edits: [
      edit(
        'lib/domain/hot-release/switch.ts',
        "wayBack: { en: 'the former files, by the same renames', zh: '以同样方式换回原文件' },",
        '',
      ),
    ],
    test: 'test/unit/domain/hot-release/plan.test.ts',
    named: 'whatever there is',
  },
  {
    what: { en: 'nobody asks the container’s own health check', zh: '不执行容器自身的健康检查' },
    edits: [
      edit(
        'lib/domain/app/container-health.ts',
        'const failure = await failureOf(ops, app.id, before.healthcheck);',
        'const failure = (await Promise.resolve()) as Text | undefined;',
      ),
    ],
    test: 'test/simulation/health.test.ts',
    named: 'does not leave an application in place whose own health check fails',
  },
  {
    what: { en: 'an old look of the engine counts more than the fact', zh: '引擎过时的判断优先于实际情况' },
    edits: [edit('lib/domain/app/container-health.ts', '!(unhealthy && looked)', '!unhealthy')],
    test: 'test/simulation/health.test.ts',
    named: 'boots for longer than the engine has patience',
  },
  {
    what: { en: 'an update believes an old look of the engine', zh: '热更新采信引擎过时的判断' },
    edits: [
      edit(
        'lib/domain/hot-release/survey.ts',
        'await lookAgain(ops, found.app)',
        'await Promise.resolve(found.app ?? lookAgain)',
      ),
    ],
    test: 'test/simulation/health.test.ts',
    named: 'was unhealthy when the engine looked, and no longer is',
  },
  {
    what: { en: 'an update believes nothing of what the engine says', zh: '热更新完全不采信引擎的判断' },
    edits: [
      edit(
        'lib/domain/app/container-health.ts',
        ' || (await failureOf(ops, app.id, now.healthcheck))) return app;',
        ') return app;',
      ),
    ],
    test: 'test/simulation/health.test.ts',
    named: 'does not update an application whose own health check fails',
  },
  {
    what: { en: 'a backup counts without having been restored', zh: '未经恢复验证的备份也算数' },
    edits: [
      edit(
        'lib/domain/backup/proofs.ts',
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
        'lib/flows/rebuild/final-backup.ts',
        '    backupPg(inner, db, deleting ? { ...options, whenRead } : options),\n',
        '    (deleting ? whenRead(inner) : Promise.resolve()).then(() => rebuild.backup ?? backupPg(inner, db, options)),\n',
      ),
    ],
    test: sweep('delete'),
    says: 'lost for ever',
  },
  {
    what: { en: 'the consent is not written down', zh: '确认没有写入流水' },
    edits: [
      edit('lib/domain/data/consent.ts', "ops.journal.write({ event: 'consent', things: named });", 'named.sort();'),
    ],
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
      edit(
        'lib/domain/replacement/undo.ts',
        'const proof = await asBefore(ops, cutover);',
        'const proof = FIRST_INSTALL;',
      ),
    ],
    test: sweep('keep'),
    says: 'production is down, and the run says that all is as before',
  },
  {
    what: { en: 'pg_hba.conf is rewritten with `trust` for all', zh: 'pg_hba.conf 被写入对所有人的 `trust`' },
    edits: [
      edit(
        'lib/tools/pg-hba/hba.ts',
        'after: withoutRemoteTrust(before, lines, method),',
        'after: `host all all all trust\\n${before}`,',
      ),
    ],
    test: sweep('legacy'),
    says: 'pg_hba.conf is weaker than before',
  },
  {
    what: { en: 'the password is an argument of the login’s trial', zh: '试登录时把密码放在参数中' },
    edits: [edit('lib/tools/postgres/login.ts', 'db.user, db.name],', 'db.user, db.name, password],')],
    test: sweep('keep'),
    says: 'is in the arguments of a command',
  },
  {
    what: { en: 'the lock is not released', zh: '锁没有释放' },
    edits: [edit('lib/runs/main/lock.ts', 'release: () => closeSync(fd) };', 'release: () => undefined };')],
    test: sweep('restore'),
    says: 'the lock is held',
  },
  {
    what: { en: '`docker start` is not announced in the journal', zh: '`docker start` 没有预先写入流水' },
    edits: [edit('lib/tools/docker/docker.ts', "change(['docker', 'start', id])", "read(['docker', 'start', id])")],
    test: sweep('keep'),
    says: 'not in the journal',
  },
  {
    what: { en: 'a failed command’s result is not written', zh: '失败的命令没有写入结果' },
    edits: [
      edit('lib/core/run.ts', 'if (intent !== undefined) {', 'if (intent !== undefined && output.exitCode === 0) {'),
    ],
    test: sweep('keep'),
    says: 'no result in the journal',
  },
  {
    what: { en: 'a run that failed does not write its end', zh: '失败的运行没有写入结束' },
    edits: [
      edit(
        'lib/runs/main/main.ts',
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
      edit('lib/runs/main/main.ts', 'const unfinished = findUnfinished({ state });', 'const unfinished = undefined;'),
    ],
    test: sweep('restore'),
    says: 'nobody says that',
  },
  {
    what: { en: 'no deadline', zh: '没有时限' },
    edits: [edit('lib/core/run.ts', '  }, deadlineMs);', '  }, LONGEST_MS + 0 * deadlineMs);')],
    test: sweep('keep'),
    says: 'nothing ended docker',
  },
  {
    what: { en: 'the error does not say how long', zh: '报错没有说明多久' },
    edits: [
      edit(
        'lib/core/run.ts',
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
        'lib/domain/replacement/app-container.ts',
        'const former = app === undefined || neverServed(app) ? userdataOfUnfinished(ops) : undefined;',
        'const former = neverServed(app) ? undefined : undefined;',
      ),
    ],
    ...killed,
    named: 'somebody has recreated the container',
  },
  {
    what: {
      en: 'after a kill, what took the place, served and was stopped since is not what production is',
      zh: '被杀之后, 已接替并服务过、后被停止的容器不视为生产容器',
    },
    edits: [
      edit(
        'lib/domain/stack/containers.ts',
        "present.state !== 'restarting' && present.lastedMs >= LASTING_MS",
        'false',
      ),
    ],
    ...killed,
    named: 'keeps its userdata',
  },
  {
    what: {
      en: 'one that was started after the survey is removed for the new container',
      zh: '检查之后被启动的容器被删除',
    },
    edits: [edit('lib/domain/replacement/replace.ts', 'if (isUp(c)) throw runsBeside(c);', '')],
    ...killed,
    named: 'started after the next run had looked',
  },
  {
    what: {
      en: 'the former PostgreSQL is started beside one that dies again and again since a kill',
      zh: '在反复崩溃的新 PostgreSQL 旁启动旧容器',
    },
    edits: [edit('lib/flows/rebuild/stores.ts', "c.state === 'restarting')", "c.state === 'dead')")],
    ...killed,
    named: 'never started beside',
  },
  {
    what: { en: 'a reboot starts the former code on migrated data', zh: '机器重启后旧代码在已迁移的数据上启动' },
    edits: [
      edit(
        'lib/domain/replacement/app-container.ts',
        'if (cutover.formers?.app) await keepStopped(ops, cutover.formers.app);',
        '',
      ),
    ],
    ...killed,
    named: 'no reboot starts the former code',
  },
  {
    what: {
      en: 'what a killed run had stopped stays down when the next one fails',
      zh: '被杀运行停止的应用在下次失败后仍未启动',
    },
    edits: [edit('lib/domain/replacement/app-container.ts', '  noteStop(ops, app);\n', '')],
    ...killed,
    named: 'had stopped is started again',
  },
  {
    what: {
      en: 'the former code is started on data that a killed run had moved, when the next one fails',
      zh: '下次运行失败时, 旧代码在被杀运行改动过的数据上启动',
    },
    edits: [edit('lib/domain/replacement/stopped.ts', " && !(role === 'app' && stopped.moved)", '')],
    test: 'test/simulation/killed-then-failing.test.ts',
    named: 'former code is not started on data that a killed run had',
  },
  {
    what: {
      en: 'a failed update goes back to what a killed one had put in place, and nobody had proved',
      zh: '更新失败后换回被杀更新放入而未经验证的文件',
    },
    edits: [edit('lib/domain/hot-release/switch.ts', '.filter(({ name }) => !proved.has(name))', '.slice(0, 0)')],
    test: 'test/simulation/killed-then-failing.test.ts',
    named: 'goes back to what was proved last',
  },
  {
    what: {
      en: 'the way back of an update that finishes a killed one is the killed one’s own release',
      zh: '接续被杀更新的那次更新, 其回退目标仍是被杀更新自己的版本',
    },
    edits: [edit('lib/domain/hot-release/survey.ts', 'const proved = isProved ? now :', 'const proved = true ? now :')],
    test: 'test/simulation/killed-then-failing.test.ts',
    named: 'the way back of an update that finishes a killed one',
  },
  {
    what: {
      en: 'files that a killed update had put in place are called those of the old release',
      zh: '被杀更新换入的文件被说成旧版本的文件',
    },
    edits: [edit('lib/domain/hot-release/undo.ts', 'unproved ? AS_FOUND : AS_BEFORE', 'AS_BEFORE')],
    test: 'test/simulation/killed-then-failing.test.ts',
    named: 'does not call its files those of the old release',
  },
  {
    what: {
      en: 'a failed update goes back behind a killed one that was proved',
      zh: '更新失败后越过已通过验证的被杀更新',
    },
    edits: [edit('lib/domain/hot-release/switch.ts', '.filter(({ name }) => !proved.has(name))', '')],
    test: 'test/simulation/killed-then-failing.test.ts',
    named: 'goes back to what was proved last',
  },
  {
    what: {
      en: 'a failed run leaves the stores down that a killed one had stopped',
      zh: '被杀运行停止的数据库与 Redis 在下次失败后仍未启动',
    },
    edits: [edit('lib/domain/replacement/undo.ts', '  await startStoresAgain(ops, facts);\n', '')],
    test: 'test/simulation/killed-then-failing.test.ts',
    named: 'a run that fails starts again what a killed one had stopped',
  },
  {
    what: {
      en: 'what a killed run had stopped is started with the .env that this run had changed',
      zh: '被杀运行停止的应用以改动后的 .env 启动',
    },
    edits: [
      edit(
        'lib/domain/replacement/undo.ts',
        '  await bringBackApp(ops, cutover);\n',
        "  await giveBack(ops, cutover.facts.stack, { role: 'app', former, next });\n",
      ),
    ],
    test: 'test/simulation/killed-then-failing.test.ts',
    named: 'comes back with its .env',
  },
  {
    what: {
      en: 'what is being taken back at a kill counts as production once it has stopped',
      zh: '撤下途中被杀后, 停止的新容器被当作生产容器',
    },
    edits: [
      edit('lib/domain/replacement/app-container.ts', "  await setAside(ops, 'app', next);\n", ''),
      edit('lib/domain/replacement/app-container.ts', 'keepStopped, setAside, takeOver', 'keepStopped, takeOver'),
    ],
    test: 'test/simulation/killed-then-failing.test.ts',
    named: 'that was being taken back at a kill, and had run for long',
  },
  {
    what: { en: 'stop_grace_period is cut short', zh: '忽略 stop_grace_period, 提前强制终止' },
    edits: [
      edit(
        'lib/domain/replacement/replace.ts',
        'Math.max(GRACE_SECONDS[role], stopSeconds)',
        'GRACE_SECONDS[role] + 0 * stopSeconds',
      ),
    ],
    test: 'test/unit/domain/replacement/replace.test.ts',
    named: 'whose compose file says',
  },
  {
    what: {
      en: 'a crash-looping container is left stopped by a run that fails',
      zh: '运行失败后, 原本反复重启的容器被留在停止状态',
    },
    edits: [edit('lib/domain/replacement/stopped.ts', " || state === 'restarting'", '')],
    test: 'test/unit/domain/replacement/stopped.test.ts',
    named: 'whether its stop is noted',
  },
  {
    what: { en: 'what served is removed before the new one is proved', zh: '新容器验证之前就删除旧容器' },
    edits: [
      edit(
        'lib/domain/replacement/replace.ts',
        "if (!standbyRole(container))\n    await run(ops, rename(container.id, standbyName(container.name, 'before', ops.paths.run)));",
        'await discardContainer(ops, container.id);',
      ),
    ],
    test: 'test/simulation/way-back.test.ts',
    says: 'was removed, and nothing had been proved',
  },
  {
    what: { en: 'the way back is made of the compose file', zh: '按 compose 文件创建回退用的容器' },
    edits: [
      edit(
        'lib/flows/rebuild/remove.ts',
        'await createFrom(ops, former.definition, properName(former.container.name))',
        '(await createBeside(ops, facts.stack, role)).next',
      ),
      edit('lib/flows/rebuild/remove.ts', 'import { halt }', 'import { createBeside, halt }'),
    ],
    test: 'test/simulation/way-back.test.ts',
    says: 'what undoes reads the compose file',
  },
  {
    what: { en: 'what a killed run had started is taken for what served', zh: '把被杀运行启动的容器当作原容器' },
    edits: [edit('lib/domain/stack/containers.ts', '|| isUp(present)) return', '|| present) return')],
    ...killed,
    named: 'the very container that served is the way back',
  },
  {
    what: { en: 'the former release is started with the changed .env', zh: '旧版本以改动后的 .env 启动' },
    edits: [edit('lib/domain/replacement/app-container.ts', 'await putBackEnv(ops, facts).catch(regardless);', '')],
    test: 'test/simulation/way-back.test.ts',
    named: 'with the .env that it was started with',
  },
  {
    what: { en: 'a former release runs as the present compose file has it', zh: '回退后的版本按当前 compose 文件运行' },
    edits: [
      edit(
        'lib/flows/rollback/image-steps.ts',
        'way.definition = await definitionFor(o, way);',
        'await definitionFor(o, way);',
      ),
    ],
    test: 'test/simulation/way-back.test.ts',
    named: 'although the compose file has changed',
  },
  {
    what: {
      en: 'the number of workers before a killed update is not looked for',
      zh: '不查找被杀更新之前的 worker 数量',
    },
    edits: [
      edit(
        'lib/domain/hot-release/survey.ts',
        'workersOfUnfinished(ops, { app, programs }) ?? workers.length',
        'workers.length',
      ),
    ],
    ...killed,
    named: 'there are no more workers than before',
  },
  {
    what: { en: 'an update is taken for done before it is recorded', zh: '更新在登记之前就被视为完成' },
    edits: [
      edit(
        'lib/domain/hot-release/settle.ts',
        '  await attempt(() => keepRelease(calm, commit, runName(ops)));',
        '  await attempt(() => sweepAll(calm, staging));\n  await attempt(() => keepRelease(calm, commit, runName(ops)));',
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
        'lib/domain/hot-release/survey.ts',
        'pendingRestart: restartOfUnfinished(ops, { app, programs }),',
        'pendingRestart: undefined,',
      ),
    ],
    ...killed,
    named: 'another configuration of gunicorn comes into force',
  },
  {
    what: { en: 'the files from before a failed update are not put back', zh: '更新失败后不放回原文件' },
    edits: [edit('lib/domain/hot-release/switch.ts', 'undo: (ops, checked) => switchBack(ops, update, checked),', '')],
    test: 'test/simulation/update.test.ts',
    named: 'goes back from a release',
  },
  {
    what: { en: 'the same, in the sweep', zh: '同上, 由抽样发现' },
    edits: [edit('lib/domain/hot-release/switch.ts', 'undo: (ops, checked) => switchBack(ops, update, checked),', '')],
    test: sweep('update'),
    says: '+   "needsPerson": [',
  },
  {
    what: { en: 'the restore drops the former database', zh: '恢复时删除原数据库' },
    edits: [
      edit(
        'lib/domain/restoration/steps.ts',
        'const { before } = await swapIn(ops, beside);',
        'const { before } = await swapIn(ops, beside);\n      if (before) await dropDatabase(ops, beside.server, before);',
      ),
    ],
    test: sweep('restore'),
    says: 'the old database is nowhere',
  },
  {
    what: { en: 'what the image starts is not tried', zh: '不试运行镜像自己的启动过程' },
    edits: [
      edit(
        'lib/domain/replacement/try-start.ts',
        'await tryStart(ops, facts, oneOff);',
        '({ tried: [] } satisfies StartTrial);',
      ),
    ],
    test: 'test/simulation/tried-before.test.ts',
    named: 'an entrypoint that ends by itself',
  },
  {
    what: { en: 'nothing is copied into a container before', zh: '事先不向容器复制文件' },
    edits: [edit('lib/domain/replacement/try-start.ts', '  await tryCopy(ops, oneOff);\n', '')],
    test: 'test/simulation/tried-before.test.ts',
    named: 'a root file system that can only be read',
  },
  {
    what: { en: 'ports are not bound before', zh: '事先不绑定端口' },
    edits: [
      edit('lib/domain/stack/ports.ts', 'const problem = await bind(port.hostIp);', 'const problem = undefined;'),
    ],
    test: 'test/simulation/tried-before.test.ts',
    named: 'an address that this machine lacks',
  },
  {
    what: { en: 'sources of mounts are not looked at', zh: '不检查挂载来源' },
    edits: [edit('lib/domain/replacement/survey.ts', '    findBrokenBinds(ops, stack, containers),', '    [],')],
    test: 'test/simulation/tried-before.test.ts',
    named: 'a mounted certificate that is gone',
  },
  {
    what: { en: 'any revision of the database is taken for known', zh: '数据库的任何 revision 都视为已知' },
    edits: [
      edit(
        'lib/domain/replacement/known-revision.ts',
        'if (revision === undefined || known) return;',
        'if (known || !known) return;',
      ),
    ],
    test: 'test/simulation/tried-before.test.ts',
    named: 'a revision that the new image does not know',
  },
  {
    what: { en: 'what runs is what the ledger says', zh: '以发布记录判断当前运行的版本' },
    edits: [
      edit(
        'lib/domain/release/running.ts',
        'return { ...judge(files, candidates.flat(), marker?.commit), marked',
        'return { commit: releases[0]?.commit, nearest: undefined, marked',
      ),
    ],
    test: 'test/simulation/tried-before.test.ts',
    named: 'what runs is told by its files',
  },
  {
    what: { en: 'whoever has the project’s name has the stack', zh: '项目同名即视为自己的服务' },
    edits: [edit('lib/domain/stack/owners.ts', "others: by('other', ours)", 'others: []')],
    test: 'test/simulation/owner.test.ts',
    named: 'is refused what the first one made, and both are named',
  },
  {
    what: { en: 'a directory that was moved is taken for another one’s that is gone', zh: '目录移动后不再询问归属' },
    edits: [edit('lib/domain/stack/owners.ts', "moved: by('gone', ours)", 'moved: []')],
    test: 'test/simulation/owner.test.ts',
    named: 'asks whether it was moved when the old path is gone',
  },
  {
    what: { en: 'another path of the directory is another directory', zh: '同一目录的另一路径视为另一个目录' },
    edits: [
      edit(
        'lib/domain/stack/owners.ts',
        "theirs.dev === own.dev && theirs.ino === own.ino ? 'same' : 'other'",
        "place === ours ? 'same' : 'other'",
      ),
    ],
    test: 'test/simulation/owner.test.ts',
    named: 'is the same by another path',
  },
  {
    what: { en: 'what was taken over is not remembered', zh: '接管结果未被记录' },
    edits: [edit('lib/domain/ledger/adopted.ts', 'if (adopted.size === 0) return;', 'if (adopted.size >= 0) return;')],
    test: 'test/simulation/owner.test.ts',
    named: 'and is not asked again',
  },
  {
    what: { en: 'another machine’s engine will do', zh: '接受其他机器的引擎' },
    edits: [
      edit('lib/tools/docker/engine.ts', "endpoint === '' || endpoint.startsWith('unix://')", "endpoint !== 'none'"),
    ],
    test: 'test/simulation/owner.test.ts',
    named: 'is told to whoever only looks',
  },
  {
    what: { en: 'what is built is what lies in the deploy directory', zh: '按部署目录现状构建镜像' },
    edits: [edit('lib/domain/images/build.ts', '...(section && { override })', '...(!section && { override })')],
    test: 'test/simulation/life.test.ts',
    named: 'builds from the commit alone',
    says: 'contains the state directory',
  },
  {
    what: { en: 'files have the modes that the umask leaves', zh: '构建文件权限受 umask 影响' },
    edits: [edit('lib/domain/release/artefacts.ts', "'--mode=u=rwX,go=rX', ", '')],
    test: 'test/e2e/git-build.e2e.test.ts',
    named: 'has the declared artefacts',
  },
  {
    what: { en: 'a changed front end is not built', zh: '前端源码变化后不重新构建' },
    edits: [edit('lib/domain/release/artefact-stages.ts', 'there[at] !== sources', 'false')],
    test: 'test/e2e/git-build.e2e.test.ts',
    named: 'is built anew when its sources are others',
  },
  {
    what: {
      en: 'last month’s front end is released from the deploy directory',
      zh: '把部署目录中过期的前端产物发布出去',
    },
    edits: [
      edit('lib/domain/release/artefact-stages.ts', 'here.written < changed - MARGIN_MS ?', 'here.written < 0 ?'),
    ],
    test: 'test/e2e/git-build.e2e.test.ts',
    named: 'lies there since before its sources changed',
  },
  {
    what: { en: 'health alone proves a new container', zh: '新容器仅凭健康检查即视为成功' },
    edits: [edit('lib/domain/app/routes.ts', 'if (own.length > 0) throw', 'if (own.length < 0) throw')],
    test: 'test/unit/domain/app/routes.test.ts',
    named: 'not for a page that nobody may read',
  },
  {
    what: { en: 'other services of the image pass for released', zh: '使用同一镜像的其他服务被视为已发布' },
    edits: [
      edit('lib/domain/stack/left-alone.ts', 'if (left.length === 0) return [];', 'if (left.length >= 0) return [];'),
    ],
    test: 'test/unit/domain/hot-release/plan.test.ts',
    named: 'names the services that it leaves',
  },
];
