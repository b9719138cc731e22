import { type Break, edit } from './break.ts';

/** Backups, restores, roles, schemas: what the data tools promise. */
export const DATABASES: readonly Break[] = [
  {
    what: { en: 'the trial creates roles that the image brings itself', zh: '试恢复重复创建镜像自带的角色' },
    edits: [
      edit(
        'lib/domain/backup/verify.ts',
        'globalsOf(stored), there, true',
        'globalsOf(stored), [throwaway.user, ...there.slice(9)], true',
      ),
    ],
    test: 'test/unit/domain/backup/verify.test.ts',
    named: 'creates no role that the image’s own start has brought',
  },
  {
    what: {
      en: 'a lock that pg_dump met is a server that can’t be dumped',
      zh: 'pg_dump 遇到表锁被当作数据库无法导出',
    },
    edits: [edit('lib/tools/postgres/table-locked.ts', 'Query was: LOCK TABLE ', 'Query was: LOCK NOTHING ')],
    test: 'test/unit/tools/postgres/table-locked.test.ts',
    named: 'is what pg_dump was waiting for',
  },
  {
    what: { en: 'a restore that is taken back drops what people had written to', zh: '撤销恢复时删除其间有写入的库' },
    edits: [
      edit(
        'lib/domain/restoration/steps.ts',
        'async undo(ops, { server, name, before }) {',
        'async undo(ops, { server, name, before, incoming }) {',
      ),
      edit('lib/domain/restoration/steps.ts', 'await beforeName(ops, server, name)', 'incoming'),
    ],
    test: 'test/simulation/restore.test.ts',
    named: 'drops nothing that was written between the swap and the way back',
  },
  {
    what: {
      en: 'a backup is refused because of rights that are what they are without being said',
      zh: '权限与默认值相同却导致备份被拒绝',
    },
    edits: [edit('lib/tools/postgres/fingerprint.ts', ' AND NOT (c.relacl @> d AND d @> c.relacl)', '')],
    test: 'test/e2e/backup.e2e.test.ts',
    named: 'is not refused for what a restored copy only says in another way',
  },
  {
    what: { en: 'a backup is refused because of what each new database has', zh: '新库自带的内容导致备份被拒绝' },
    edits: [edit('lib/domain/backup/verify.ts', 'withoutTemplates(expected, found)', 'found.extensions')],
    test: 'test/unit/domain/backup/verify.test.ts',
    named: 'minds neither what each new database has',
  },
  {
    what: { en: 'settings are compared in the order of each server', zh: '按各服务器的排序比较数据库设置' },
    edits: [edit('lib/domain/backup/verify.ts', 'JSON.stringify(v)).sort()', 'JSON.stringify(v))')],
    test: 'test/unit/domain/backup/verify.test.ts',
    named: 'minds neither what each new database has',
  },
  {
    what: { en: 'the trial of a backup fills the disk of production', zh: '备份试恢复占满生产数据库所在磁盘' },
    edits: [edit('lib/tools/postgres/throwaway.ts', 'if (!inMemory) {', 'if (inMemory) {')],
    test: 'test/unit/tools/postgres/throwaway.test.ts',
    named: 'that can not take the data it is refused',
  },
  {
    what: { en: 'a dump is copied into a container that has no room for it', zh: '容器内空间不足仍复制导出文件' },
    edits: [edit('lib/tools/postgres/load.ts', 'disk.free < disk.needed || ', '')],
    test: 'test/unit/domain/data/restore.test.ts',
    named: 'streams a large archive',
  },
  {
    what: { en: 'a database’s settings are there before its rows', zh: '数据库设置先于数据恢复' },
    edits: [
      edit(
        'lib/tools/postgres/load.ts',
        '${propertiesSql(name, properties)}`;',
        '${propertiesSql(name, properties)}\n${settingsSql(name, properties)}`;',
      ),
    ],
    test: 'test/unit/domain/data/restore.test.ts',
    named: 'has its encoding, locale, settings and privileges',
  },
  {
    what: { en: 'a restore shows the row that it failed at', zh: '恢复失败时显示出错的数据行' },
    edits: [edit('lib/tools/postgres/server-errors.ts', '? message : HIDDEN', '? message : message')],
    test: 'test/unit/tools/postgres/server-errors.test.ts',
    named: 'is shown without a row',
  },
  {
    what: { en: 'a restore gives roles back what was taken away since', zh: '恢复时把已收回的权限还给角色' },
    edits: [edit('lib/domain/backup/roles.ts', "if (roles !== 'needed') return", 'if (roles) return')],
    test: 'test/unit/domain/data/restore.test.ts',
    named: 'raise nobody’s rights without a consent',
  },
  {
    what: { en: 'a migration that failed half-way counts as taken back', zh: '迁移中途失败被当作已回滚' },
    edits: [
      edit(
        'lib/domain/hot-release/database.ts',
        'throw halfWay(partlyMigrated(stays), stays, update)',
        'halfWay(partlyMigrated(stays), stays, update)',
      ),
    ],
    test: 'test/simulation/update.test.ts',
    named: 'never says that all is as before over a migration',
  },
  {
    what: { en: 'a rebuild compares only the revision after it', zh: '重建失败后只比对 revision' },
    edits: [
      edit(
        'lib/flows/rebuild/migrate.ts',
        'await changesSince(ops, database, schemaBefore)',
        "(await changesSince(ops, database, schemaBefore)).filter((name) => name === 'the alembic revision')",
      ),
      edit('lib/flows/rebuild/migrate.ts', ' && facts.midway.length === 0', ''),
    ],
    test: 'test/simulation/bad-input.test.ts',
    named: 'had committed a part of itself',
  },
  {
    what: {
      en: 'a migration that has loaded its application needs no word to begin',
      zh: '预先加载的迁移未经指令就开始执行',
    },
    edits: [
      edit('lib/domain/schema/upgrade.py', 'if os.read(orders, 100) != b"go\\n":', 'if os.read(orders, 100) == b"-":'),
    ],
    test: 'test/processes/upgrade.test.ts',
    named: 'changes nothing when it is told',
  },
  {
    what: {
      en: 'an address of the application’s own has its migration wait for locks without a limit',
      zh: '应用自带的连接参数使迁移无限期等待锁',
    },
    edits: [edit('lib/domain/schema/upgrade.py', '\ninsist()\n', '\n')],
    test: 'test/processes/upgrade.test.ts',
    named: 'wait no longer for a lock',
  },
  {
    what: {
      en: 'what the application starts reads what a migration is told',
      zh: '应用启动的子进程会读走给迁移的指令',
    },
    edits: [edit('lib/domain/schema/upgrade.py', 'os.dup2(nothing, 0)', '')],
    test: 'test/processes/upgrade.test.ts',
    named: 'migrates once when it is told to',
  },
  {
    what: {
      en: 'a migration that could not load its application is taken for one that had begun',
      zh: '未能加载应用的迁移被当作已开始',
    },
    edits: [
      edit('lib/domain/schema/migrate.ts', '    options.noteSchema?.(before);\n', ''),
      edit(
        'lib/domain/schema/migrate.ts',
        '    await upgrade.loaded();\n',
        '    options.noteSchema?.(await schemaObjects(ops, db));\n    await upgrade.loaded();\n',
      ),
    ],
    test: 'test/unit/domain/schema/migrate.test.ts',
    named: 'of an application that can’t be loaded',
  },
  {
    what: { en: 'a migration that died before its turn fails the run', zh: '待命中的迁移进程退出导致运行失败' },
    edits: [edit('lib/domain/schema/upgrade.ts', 'if (now.isOver()) now = load(ops, container);', '')],
    test: 'test/unit/domain/schema/migrate.test.ts',
    named: 'loads once more what has died',
  },
  {
    what: {
      en: 'a migration that is loading goes on after a failed check',
      zh: '检查失败后, 已加载的迁移进程仍然留存',
    },
    edits: [edit('lib/domain/hot-release/ahead.ts', 'await upgrade?.stop();', '')],
    test: 'test/simulation/update.test.ts',
    named: 'an import that does not end, and a migration',
    says: 'still going on: docker exec',
  },
  {
    what: {
      en: 'a migration that has loaded goes on after a rebuild that is taken back',
      zh: '重建撤回后, 已加载的迁移进程仍然留存',
    },
    edits: [edit('lib/flows/rebuild/steps.ts', 'await rebuild.upgrade?.stop();', '')],
    test: 'test/simulation/bad-input.test.ts',
    named: 'gives up the migration that has loaded',
    says: 'still going on: docker exec',
  },
  {
    what: { en: 'visitors wait while a migration loads the application', zh: '访客需等待迁移进程加载应用' },
    edits: [
      edit('lib/flows/rebuild/migrate.ts', '      upgrade: rebuild.upgrade,\n', ''),
      edit(
        'lib/flows/rebuild/steps.ts',
        'rebuild.upgrade = loadUpgrade(ops, oneOff);\n          await rebuild.upgrade.loaded();',
        '',
      ),
    ],
    test: 'test/simulation/hold.test.ts',
    named: 'a migration loads the application before anybody waits',
  },
  {
    what: { en: 'a survey waits for a table that somebody holds', zh: '检查时等待被占用的表' },
    edits: [edit('lib/tools/postgres/psql.ts', ' SET lock_timeout = ${LOCK_WAIT_MS};', ' SET lock_timeout = 0;')],
    test: 'test/unit/tools/postgres/table-locked.test.ts',
  },
  {
    what: { en: 'a restore does not wait for transactions under way', zh: '恢复时不等待进行中的事务' },
    edits: [edit('lib/tools/postgres/transactions.ts', 'now.young > 0 ?', 'now.young < 0 ?')],
    test: 'test/simulation/hold.test.ts',
    named: 'nobody is asked to wait before what was begun has ended',
  },
  {
    what: { en: 'the application writes while a restore swaps', zh: '交换数据库名称时应用仍在写入' },
    edits: [edit('lib/flows/restore/standstill.ts', '        await freezer.freeze();\n', '')],
    test: 'test/simulation/hold.test.ts',
    named: 'no request fails while a restore swaps',
  },
  {
    what: {
      en: 'what stands still does so for good when its freezer has died',
      zh: '冻结程序异常退出后, 应用一直静止',
    },
    edits: [edit('lib/domain/app/freezer.ts', '} catch {\n', '} catch {\n        return;\n')],
    test: 'test/unit/domain/app/freezer.test.ts',
    named: 'by another program when its own has died',
  },
  {
    what: {
      en: 'a restore does not count what the server logs meanwhile',
      zh: '恢复时不计入预写日志 (WAL) 占用的磁盘',
    },
    edits: [edit('lib/tools/postgres/server-disk.ts', ' + most + (kept ? databaseBytes : 0)', '')],
    test: 'test/unit/domain/data/restore.test.ts',
    named: 'a restore needs disk for',
  },
  {
    what: {
      en: 'a port in the container that is not the target config’s is found when nothing serves',
      zh: '停止服务后才发现容器内端口与目标配置不一致',
    },
    edits: [edit('lib/domain/stack/compose-config.ts', 'requirePorts(ops.target, services);', '')],
    test: 'test/unit/domain/stack/compose-config.test.ts',
    named: 'says before anything begins that a port is not the target config’s',
  },
  {
    what: {
      en: 'Redis is asked at its usual port whatever the target config says',
      zh: '忽略目标配置, 始终用默认端口访问 Redis',
    },
    edits: [edit('lib/tools/redis/cli.ts', "'-p', String(target.ports.redis)", '')],
    test: 'test/unit/tools/postgres/ready.test.ts',
    named: 'waits for an authenticated PONG',
  },
  {
    what: {
      en: 'a restore’s question passes over a table that is gone by now',
      zh: '恢复前的提示漏掉已被删除的表',
    },
    edits: [
      edit('lib/domain/restoration/losses.ts', 'new Set([...is.keys(), ...was.keys()])', 'new Set([...is.keys()])'),
    ],
    test: 'test/unit/domain/restoration/losses.test.ts',
    named: 'names what is gone by now, and what is new',
  },
  {
    what: {
      en: 'nobody is told of the backup of what a killed run had begun to delete',
      zh: '运行在删除数据时被终止后, 不提示其备份',
    },
    edits: [edit('lib/domain/replacement/stopped.ts', "what !== 'swap' ? orBack", "what === 'migrating' ? orBack")],
    test: 'test/unit/domain/replacement/stopped.test.ts',
    named: 'says what leads back from data that a killed run had begun to change',
  },
];
