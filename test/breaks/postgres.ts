import { type Break, edit } from './break.ts';

const UPGRADE = 'test/simulation/upgrade-postgres.test.ts';
const NAMES = 'test/simulation/image-names.test.ts';

/** PostgreSQL's major version, and names of images. */
export const POSTGRES: readonly Break[] = [
  {
    what: {
      en: 'a build or a pull takes the last name of what runs',
      zh: '构建或 pull 夺走正在运行的镜像的最后一个名称',
    },
    edits: [edit('lib/domain/data/claim.ts', 'if (hold.lockProject) await nameRunning(ops, stack);', '')],
    test: NAMES,
    named: 'keeps the images of PostgreSQL and Redis through a pull by hand',
  },
  {
    what: { en: 'a release that is proved leaves what runs with one name', zh: '发布验证后不为运行中的镜像另加名称' },
    edits: [edit('lib/domain/replacement/replace.ts', 'await nameRunning(calm, stack);', '')],
    test: NAMES,
    named: 'keeps a name on what runs through a build by hand',
  },
  {
    what: {
      en: 'any major version stands in for an image that is gone',
      zh: '镜像丢失后用任意大版本代替',
    },
    edits: [edit('lib/domain/images/stand-in.ts', 'found.major !== major', 'found.major === undefined')],
    test: NAMES,
    named: 'says what to fetch where there is none',
  },
  {
    what: { en: 'an image that does not say its major version passes', zh: '镜像未声明大版本时直接放行' },
    edits: [edit('lib/domain/stack/homes.ts', "role === 'postgres' ? await majorOf(ops, image) : ''", "''")],
    test: 'test/simulation/identity.test.ts',
    named: 'asks the server of an image that does not say its major version',
  },
  {
    what: { en: 'nobody looks whether the last dump is what is there still', zh: '不检查最后一次导出之后是否有写入' },
    edits: [
      edit(
        'lib/flows/upgrade-postgres/steps.ts',
        'await requireUnchanged(o, database, before, backup);',
        'before.slice();',
      ),
    ],
    test: UPGRADE,
    named: 'notices what is written while it is read for the last time',
  },
  {
    what: { en: 'others may go on writing while it is upgraded', zh: '升级期间允许其他连接继续写入' },
    edits: [edit('lib/flows/upgrade-postgres/others.ts', 'if (others.length === 0) return;', 'if (others) return;')],
    test: UPGRADE,
    named: 'is refused where something would be lost',
  },
  {
    what: { en: 'databases that do not come along are not told of', zh: '不提示未随升级迁移的数据库' },
    edits: [
      edit(
        'lib/flows/upgrade-postgres/survey.ts',
        'if (foreign.length > 0) throw holdsOthers',
        'if (!foreign) throw holdsOthers',
      ),
    ],
    test: UPGRADE,
    named: 'is refused where something would be lost',
  },
  {
    what: { en: 'what the new version lacks is found when nothing serves', zh: '停止服务后才发现新版本缺少的内容' },
    edits: [
      edit('lib/flows/upgrade-postgres/server.ts', 'if (extensions.length + settings.length > 0)', 'if (!extensions)'),
    ],
    test: UPGRADE,
    named: 'finds in the trial what the new version does not have',
  },
  {
    what: { en: 'the former cluster is taken for one that was lost', zh: '把旁置的原集群当成丢失的数据' },
    edits: [edit('lib/domain/replacement/survey-data.ts', '...upgraded.map((u) => retainedCluster(u).volume),', '')],
    test: UPGRADE,
    named: 'is what a rebuild goes on with',
  },
  {
    what: { en: 'a former cluster goes without a newer backup', zh: '没有更新的备份也删除原集群' },
    edits: [
      edit('lib/flows/upgrade-postgres/drop.ts', 'since: upgrade.at };', "since: '2000-01-01T00:00:00Z' };"),
      edit(
        'lib/flows/upgrade-postgres/drop.ts',
        'manifest.server.systemIdentifier === systemIdentifier',
        'manifest.id !== systemIdentifier',
      ),
    ],
    test: UPGRADE,
    named: 'deletes the former cluster with a consent',
  },
  {
    what: {
      en: 'an upgrade into a volume that was used before leaves its roles what they could',
      zh: '升级到曾使用过的卷时, 其中的角色保留原有权限',
    },
    edits: [edit('lib/flows/upgrade-postgres/steps.ts', 'await disarmRoles(o, database, server);', '')],
    test: UPGRADE,
    named: 'brings nothing back, into a volume that was in use before',
  },
  {
    what: {
      en: 'an upgrade into a volume that was used before does not bring passwords that were changed',
      zh: '升级到曾使用过的卷时, 不更新已变更的角色密码',
    },
    edits: [
      edit('lib/domain/backup/roles.ts', "roles === 'moved' ? [user] : there", "roles === 'moved' ? there : there"),
    ],
    test: UPGRADE,
    named: 'brings nothing back, into a volume that was in use before',
  },
  {
    what: { en: 'a server of before keeps the password of before', zh: '换回的 PostgreSQL 实例保留旧密码' },
    edits: [edit('lib/flows/upgrade-postgres/switch.ts', 'await setPassword(ops, database, password);', '')],
    test: UPGRADE,
    named: 'a server that was in use before gets the password that was changed since',
  },
  {
    what: { en: 'a role may be left without its password', zh: '中断后角色可能缺少密码' },
    edits: [edit('lib/domain/data/restore.ts', "['BEGIN;', ...sql, 'COMMIT;']", 'sql')],
    test: 'test/unit/domain/data/restore.test.ts',
    named: 'makes the roles whole or not at all',
  },
  {
    what: { en: 'an upgrade leaves who may log in to initdb', zh: '升级后登录规则退回 initdb 默认值' },
    edits: [edit('lib/flows/upgrade-postgres/server.ts', 'await bringHba(ops, facts.database, server);', '')],
    test: UPGRADE,
    named: 'lets in whom the former server let in, and nobody else',
  },
  {
    what: { en: 'an upgrade does not look how the new server reads the rules', zh: '升级不检查新实例如何读取登录规则' },
    edits: [
      edit(
        'lib/tools/pg-hba/bring.ts',
        "if (wrong.length > 0 || found.join('\\n') !== wanted.join('\\n'))",
        'if (!found)',
      ),
    ],
    test: UPGRADE,
    named: 'finds in the trial that the new server reads pg_hba.conf otherwise',
  },
  {
    what: {
      en: 'an upgrade begins with a password in .env that is not in force yet',
      zh: '.env 中的密码尚未生效时仍开始升级',
    },
    edits: [
      edit(
        'lib/flows/upgrade-postgres/survey.ts',
        "=== 'wrong-password') throw otherPassword();",
        "=== 'wrong-password') Boolean(otherPassword);",
      ),
    ],
    test: UPGRADE,
    named: 'is refused where something would be lost, or somebody could write meanwhile',
  },
  {
    what: { en: 'a membership is restored with who granted it', zh: '恢复角色成员关系时保留授予者' },
    edits: [edit('lib/tools/postgres/globals.ts', "statement.replace(GRANTOR, ';')", 'statement')],
    test: 'test/unit/domain/data/restore.test.ts',
    named: 'of a new cluster are all applied, but no tablespace unless it goes with its server',
  },
  {
    what: { en: 'nobody is told after a rebuild what has to be sorted anew', zh: '重建之后不提示需要重建哪些索引' },
    edits: [edit('lib/flows/rebuild/conclude.ts', "if (!plan.replaces.includes('postgres') ||", 'if (plan ||')],
    test: 'test/simulation/identity.test.ts',
    named: 'offers after a rebuild what it said before',
  },
];
