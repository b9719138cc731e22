import { given, humanBytes, same, spanText } from '../../core/text.ts';
import { isGunicorn } from '../../domain/app/programs.ts';
import { leftBy } from '../../domain/data/left-databases.ts';
import { loginOf } from '../../domain/stack/stack.ts';
import { type Basis, type Check, checksOf, fail, nameOf, WELL, warn } from './check.ts';
import type { Facts } from './gather.ts';
import { count, GIGABYTE, inside, line, list, ours, t, type } from './words.ts';

const check = checksOf('database');

const loginIn = ({ stack }: Basis) =>
  stack.known ? loginOf(stack.value) : { user: '$POSTGRES_USER', name: '$POSTGRES_DB' };

/** @param database the one that it has to be asked in. */
const psql = (facts: Basis, sql: string, database = loginIn(facts).name) =>
  inside(nameOf(facts, 'postgres'), 'psql', '-U', loginIn(facts).user, '-d', database, '-c', sql);

/** What takes default_transaction_read_only back wherever it was set, in a session that may write; what was not set there stays as it is. */
const writable = (facts: Basis) => {
  const { user, name } = loginIn(facts);
  const [role, database] = [user, name].map((n) => `"${n.replaceAll('"', '""')}"`);
  const places = [`DATABASE ${database}`, `ROLE ${role}`, `ROLE ${role} IN DATABASE ${database}`, 'ROLE ALL', 'SYSTEM'];
  const sql = [
    ...places.map((place) => `ALTER ${place} RESET default_transaction_read_only`),
    'SELECT pg_reload_conf()',
  ];
  const may = ['-e', 'PGOPTIONS=-c default_transaction_read_only=off'];
  const psql = ['psql', '-U', user, '-d', name, ...sql.flatMap((s) => ['-c', s])];
  return type('docker', 'exec', ...may, nameOf(facts, 'postgres') ?? '?', ...psql);
};

const REPAIR = ours('deploy-prod-all.ts --data keep');
const AGE_WARN = 1_000_000_000;
const AGE_FAIL = 1_800_000_000;
const MANY = 100_000;

const gunicorns = (programs: Facts['programs']): string[] =>
  programs.known ? programs.value.filter((p) => isGunicorn(p) && p.state === 'RUNNING').map((p) => p.name) : [];

const OLD_PASSWORD = t(
  'the password of .env is accepted: the application was started with another',
  '.env 中的密码能登录: 应用启动时用的是另一个密码',
);
const OTHER_PASSWORD = t(
  'that of .env is refused, too: the role has another',
  '.env 中的密码也被拒绝: 该角色实际用的是别的密码',
);
/** Which password is the odd one, as far as a login with that of `.env` tells. */
function sideOf(next: { readonly ok?: boolean | undefined; readonly said: string }) {
  if (next.ok) return OLD_PASSWORD;
  return /password authentication failed/.test(next.said) ? OTHER_PASSWORD : undefined;
}

const AS_ENV = t(
  'It gives the role the password of .env and the application a new container; its plan says what becomes of requests, and it asks first. Correct .env before that, if that is what is wrong.',
  '该命令会将角色密码改为 .env 中的值并重建应用容器; 计划会说明期间请求如何处理, 执行前会询问. 若写错的是 .env, 请先修正.',
);
const ENDED = t('What that session has changed and not committed is rolled back.', '该会话未提交的修改会被回滚.');

export const databaseChecks: readonly Check[] = [
  check({
    id: 'postgres.answers',
    title: t('PostgreSQL answers over its own socket', 'PostgreSQL 本地 socket 有应答'),
    meaning: t(
      'Its container runs, and the server takes no session, not even its superuser’s: it starts up or recovers, all connections are used, its disk is full, or it hangs.',
      '容器在运行, 但 PostgreSQL 不接受任何会话 (包括超级用户): 正在启动或恢复、连接已用尽、磁盘已满, 或卡死.',
    ),
    ask: ['containers'],
    also: ['postgres'],
    explains: ['database.*', 'postgres.*', 'health.deep', 'routes.*', 'release.schema', 'container.health'],
    judge({ containers }, { postgres }) {
      const { postgres: container } = containers;
      if (container?.state !== 'running' || postgres.known) return WELL;
      return fail(
        { en: line(postgres.why.en, 400), zh: line(postgres.why.zh, 400) },
        type('docker', 'logs', '--tail', '50', container.name),
        inside(container.name, 'sh', '-c', 'df -h "$PGDATA"; grep -ls "^postgres:" /proc/[0-9]*/cmdline | wc -l'),
      );
    },
  }),
  check({
    id: 'database.login',
    title: t('the application can log in anew with what it has', '应用能用当前凭据重新登录数据库'),
    meaning: t(
      'Connections that are open still work, and hide it. Each new one fails, so errors come little by little.',
      '已打开的连接仍可用, 掩盖了问题. 新建连接全部失败, 错误会陆续出现.',
    ),
    ask: ['logins'],
    explains: ['database.login-next', 'health.deep', 'routes.*'],
    judge({ logins: { database } }) {
      const { now, next } = database;
      if (!now?.asked || now.ok) return WELL;
      const side = next?.asked && /password authentication failed/.test(now.said) && sideOf(next);
      const said = line(now.said, 200);
      return fail(t(`${said}${side ? `; ${side.en}` : ''}`, `${said}${side ? `; ${side.zh}` : ''}`), REPAIR, AS_ENV);
    },
  }),
  check({
    id: 'database.login-next',
    when: 'next-restart',
    title: t('the application can log in with what .env says', '应用能用 .env 中的凭据登录数据库'),
    meaning: t(
      'A kept volume keeps its password, whatever .env says. It works until the application is started anew; the cure is to give the role .env’s password, never trust.',
      '保留的数据卷沿用旧密码, 与 .env 无关. 应用重启前一切正常; 正确做法是将角色密码改为 .env 中的值, 绝不能改用 trust.',
    ),
    ask: ['logins'],
    judge({ logins: { database } }) {
      const { next, now } = database;
      if (!next?.asked || next.ok || (now?.asked && !now.ok)) return WELL;
      return fail(same(line(next.said, 200)), REPAIR);
    },
  }),
  check({
    id: 'database.writable',
    title: t('the application can write', '应用可以写入数据库'),
    meaning: t(
      'Pages are shown, health is fine, and everything that saves fails.',
      '页面与健康检查正常, 但所有保存操作失败.',
    ),
    ask: ['logins'],
    also: ['programs'],
    judge({ logins: { database } }, facts) {
      const { programs } = facts;
      const { now = database.next } = database;
      if (!now?.ok || !(now.recovery || now.readOnly)) return WELL;
      return now.recovery
        ? fail(
            t('the server is in recovery (a standby)', 'PostgreSQL 处于恢复状态 (备库)'),
            psql(facts, 'SELECT pg_is_in_recovery()'),
            type('docker', 'logs', '--tail', '50', nameOf(facts, 'postgres') ?? '?'),
          )
        : fail(
            t(
              'a login of the application gets read-only transactions: somebody set default_transaction_read_only',
              '应用登录后只能得到只读事务: 有人设置了 default_transaction_read_only',
            ),
            psql(
              facts,
              'SELECT datname, setrole::regrole, setconfig FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase; SELECT sourcefile, sourceline, setting FROM pg_settings WHERE name = $$default_transaction_read_only$$',
            ),
            writable(facts),
            // Sessions keep what they began with.
            ...gunicorns(programs).map((name) => inside(nameOf(facts, 'app'), 'supervisorctl', 'signal', 'HUP', name)),
          );
    },
  }),
  check({
    id: 'database.hba',
    when: 'next-restart',
    title: t('the server can read its pg_hba.conf', 'PostgreSQL 能正确读取 pg_hba.conf'),
    meaning: t(
      'It goes on with the rules that it has, and will not start again with this file.',
      '目前沿用已加载的规则, 但用该文件将无法再次启动.',
    ),
    ask: ['hba'],
    judge({ hba }, facts) {
      if (hba.unreadable)
        return fail(
          t(`${hba.file} may not be read by the server’s own user`, `PostgreSQL 的运行用户无权读取 ${hba.file}`),
          inside(nameOf(facts, 'postgres'), 'ls', '-l', hba.file),
        );
      return hba.errors.map((e) =>
        fail(
          same(`${e.file}:${e.line}: ${line(e.error)}`),
          psql(facts, 'SELECT * FROM pg_hba_file_rules WHERE error IS NOT NULL'),
        ),
      );
    },
  }),
  check({
    id: 'database.trust',
    title: t('nobody gets in from elsewhere without a password', '外部登录必须提供密码'),
    meaning: t(
      'Whoever reaches the port reads and changes everything. It is what the former rebuild script left behind.',
      '任何能访问端口的人都可读写全部数据. 这是旧重建脚本留下的问题.',
    ),
    ask: ['hba', 'wire'],
    judge({ hba, wire }) {
      if (wire === 'trust')
        return fail(t('asked over TCP, the server demands no password', '经 TCP 连接时 PostgreSQL 不要求密码'), REPAIR);
      return hba.remoteTrust.length === 0
        ? []
        : fail(
            t(
              `${hba.remoteTrust.length} rules of pg_hba.conf say trust; they count from the next reload on`,
              `pg_hba.conf 中有 ${hba.remoteTrust.length} 条 trust 规则, 下次 reload 后生效`,
            ),
            REPAIR,
          );
    },
  }),
  check({
    id: 'database.settings',
    when: 'next-restart',
    title: t('the server accepts its configuration files', 'PostgreSQL 接受其配置文件'),
    meaning: t(
      'A line of postgresql.conf or postgresql.auto.conf is wrong. A reload takes nothing of the file, and the server will not start with it.',
      'postgresql.conf 或 postgresql.auto.conf 中有错误行. reload 时整个文件都不生效, PostgreSQL 也无法用它启动.',
    ),
    ask: ['postgres'],
    judge: ({ postgres }, facts) =>
      postgres.settingErrors.map((e) =>
        fail(
          same(`${e.file}:${e.line}: ${line(e.name)}`),
          psql(
            facts,
            'SELECT sourcefile, sourceline, name, setting, error FROM pg_file_settings WHERE error IS NOT NULL',
          ),
          ...(/auto\.conf$/.test(e.file) && e.name ? [psql(facts, `ALTER SYSTEM RESET ${line(e.name, 60)}`)] : []),
        ),
      ),
  }),
  check({
    id: 'database.pending-restart',
    when: 'next-restart',
    title: t('no setting waits for a restart', '没有等待重启生效的设置'),
    meaning: t(
      'It was changed, and counts from the next start of the server on; nobody has seen yet whether the server starts with it.',
      '已修改但需重启才生效, 能否用其启动尚未验证.',
    ),
    ask: ['postgres'],
    judge: ({ postgres: { pendingRestart } }, facts) =>
      pendingRestart.length === 0
        ? WELL
        : warn(same(list(pendingRestart)), psql(facts, 'SELECT name, setting FROM pg_settings WHERE pending_restart')),
  }),
  check({
    id: 'database.connections',
    title: t('connections are left', '连接数充足'),
    meaning: t(
      'At the limit every new login fails, also that of whoever wants to look.',
      '达到上限后所有新登录都会失败, 包括来排查的人.',
    ),
    ask: ['postgres'],
    judge({ postgres: { connections } }, facts) {
      const { used, max, by } = connections;
      if (used < max * 0.8) return WELL;
      const who = by.map((b) => `${line(b.who, 60)} ×${b.count}`).join(', ');
      return (used < max * 0.95 ? warn : fail)(
        t(`${used} of ${max}: ${who}`, `${used}/${max}: ${who}`),
        psql(
          facts,
          "SELECT pid, state, state_change, left(query, 60) FROM pg_stat_activity WHERE backend_type = 'client backend' ORDER BY state_change",
        ),
      );
    },
  }),
  check({
    id: 'database.blocked',
    title: t('no session makes others wait', '没有会话阻塞其他会话'),
    meaning: t(
      'It holds a lock that others wait for, and others wait behind those. Workers hang with them, until none is left.',
      '它持有其他会话等待的锁, 排队会越来越长, worker 会逐个卡住直至全部不可用.',
    ),
    ask: ['postgres'],
    explains: ['gunicorn.queue', 'gunicorn.timeouts', 'health.*', 'routes.*', 'database.long-transactions'],
    judge: ({ postgres: { held } }, facts) =>
      held
        .filter((h) => h.waiting > 0)
        .slice(0, 3)
        .map((h) =>
          (h.seconds < 10 ? warn : fail)(
            t(
              `pid ${h.pid} (${line(h.by, 60)}, ${h.state}) for ${h.seconds} s; ${count(h.waiting, 'waits', 'wait')} for it`,
              `pid ${h.pid} (${line(h.by, 60)}, ${h.state}) 已 ${h.seconds} 秒; ${h.waiting} 个会话在等待`,
            ),
            ours('adhoc/who-holds-locks.ts'),
            psql(facts, `SELECT pg_terminate_backend(${h.pid})`),
            ENDED,
          ),
        ),
  }),
  check({
    id: 'database.long-transactions',
    title: t('no transaction is open for long', '没有长时间未结束的事务'),
    meaning: t(
      'What it has seen may not be vacuumed away, so tables grow; and a migration has to wait for it. Idle in transaction: its client forgot it.',
      '它之后的死行无法清理, 表会膨胀, 迁移也要等它. idle in transaction 表示客户端忘了结束.',
    ),
    ask: ['postgres'],
    judge({ postgres: { held } }, facts) {
      const long = held.filter((h) => h.seconds > (h.state.startsWith('idle') ? 300 : 3600));
      return long
        .slice(0, 3)
        .map((h) =>
          warn(
            t(
              `pid ${h.pid} (${line(h.by, 60)}), ${h.state}, ${spanText(h.seconds * 1000).en}`,
              `pid ${h.pid} (${line(h.by, 60)}), ${h.state}, ${spanText(h.seconds * 1000).zh}`,
            ),
            psql(facts, `SELECT pg_terminate_backend(${h.pid})`),
          ),
        );
    },
  }),
  check({
    id: 'database.prepared',
    title: t('no prepared transaction was forgotten', '没有遗留的预备事务'),
    meaning: t(
      'It holds its locks, and keeps vacuum from its work, also over restarts, until somebody ends it.',
      '它会跨重启一直持有锁并阻止清理, 直到有人结束它.',
    ),
    ask: ['postgres'],
    judge: ({ postgres: { prepared } }, facts) =>
      prepared.count === 0 || prepared.oldest < 60
        ? WELL
        : warn(
            t(
              `${prepared.count}, the oldest for ${spanText(prepared.oldest * 1000).en}`,
              `${prepared.count} 个, 最早的已 ${spanText(prepared.oldest * 1000).zh}`,
            ),
            psql(facts, 'SELECT gid, prepared, owner, database FROM pg_prepared_xacts'),
          ),
  }),
  check({
    id: 'database.slots',
    title: t('no replication slot keeps the log for nobody', '没有无人使用的复制槽占用 WAL'),
    meaning: t(
      'The server keeps its log for a reader that does not come, until the disk is full.',
      'PostgreSQL 会一直为不再连接的订阅者保留 WAL, 直到磁盘写满.',
    ),
    ask: ['postgres'],
    judge: ({ postgres: { slots } }, facts) =>
      slots
        .filter((s) => !s.active)
        .map((s) =>
          (s.bytes > 5 * GIGABYTE ? fail : warn)(
            t(`${line(s.name)} keeps ${humanBytes(s.bytes)}`, `${line(s.name)} 占用 ${humanBytes(s.bytes)}`),
            psql(facts, `SELECT pg_drop_replication_slot('${line(s.name, 64)}')`),
          ),
        ),
  }),
  check({
    id: 'database.partitions',
    title: t('every partitioned table has a partition for now', '每个分区表都有当前时间的分区'),
    meaning: t(
      'Inserts of today fail, while health and everything read stay fine: after a first installation, or at the beginning of a month.',
      '今天的数据无法写入, 而健康检查和读取都正常: 多见于首次安装后或每月月初.',
    ),
    ask: ['postgres'],
    judge: ({ postgres: { withoutPartition } }) =>
      withoutPartition.length === 0
        ? WELL
        : fail(
            t(
              `no partition for today in ${list(withoutPartition)}`,
              `以下分区表没有今天的分区: ${list(withoutPartition)}`,
            ),
            t(
              'Have the application make it, on its page for partitions or by its daily task. A table that it does not look after: CREATE TABLE … PARTITION OF … FOR VALUES FROM (…) TO (…)',
              '请在应用的分区管理页面创建, 或执行其每日任务. 不由应用管理的表: CREATE TABLE … PARTITION OF … FOR VALUES FROM (…) TO (…)',
            ),
          ),
  }),
  check({
    id: 'database.sequences',
    title: t('no sequence is near its end', '没有序列接近上限'),
    meaning: t('When it is used up, every insert into its table fails.', '用尽后该表的所有插入都会失败.'),
    ask: ['sequences'],
    judge: ({ sequences }) =>
      sequences
        .filter((s) => s.share > 0.7)
        .map((s) =>
          (s.share > 0.9 ? fail : warn)(
            t(
              `${line(s.name)} has used ${Math.round(s.share * 100)} % of what its column holds`,
              `${line(s.name)} 已使用列类型上限的 ${Math.round(s.share * 100)} %`,
            ),
            t('Make the column bigint, in a migration.', '请通过迁移将该列改为 bigint.'),
          ),
        ),
  }),
  check({
    id: 'database.wraparound',
    title: t('transaction ids are far from their end', '事务 ID 距离回卷尚远'),
    meaning: t(
      'Vacuum can’t keep up, or something keeps it from its work. At 2 billion the server takes no more writes.',
      '清理跟不上, 或被阻止. 达到约 20 亿时 PostgreSQL 将拒绝写入.',
    ),
    ask: ['postgres'],
    judge({ postgres: { age } }, facts) {
      if (age < AGE_WARN) return WELL;
      return (age < AGE_FAIL ? warn : fail)(
        t(`${age} transactions since the last freeze`, `距上次冻结已有 ${age} 个事务`),
        inside(nameOf(facts, 'postgres'), 'vacuumdb', '-U', loginIn(facts).user, '--all', '--freeze', '--verbose'),
      );
    },
  }),
  check({
    id: 'database.invalid-indexes',
    title: t('every index is valid', '所有索引均有效'),
    meaning: t(
      'CREATE INDEX CONCURRENTLY was cut short: it costs at each write, and helps no query. A unique one guards nothing.',
      'CREATE INDEX CONCURRENTLY 中途失败: 每次写入都要维护却不被查询使用, 唯一索引也不起约束作用.',
    ),
    ask: ['postgres'],
    judge: ({ postgres: { invalidIndexes } }, facts) =>
      invalidIndexes.map((i) => warn(same(line(i)), psql(facts, `REINDEX INDEX CONCURRENTLY ${line(i, 120)}`))),
  }),
  check({
    id: 'database.collation',
    title: t('sort order is that of the library in use', '排序规则版本与系统库一致'),
    meaning: t(
      'The image brought another version of the library that sorts text. Indexes on text were built with the former one: rows may not be found, unique ones may let doubles in.',
      '镜像更换了文本排序库的版本, 而文本索引按旧版本构建: 可能查不到数据, 唯一索引可能放进重复值.',
    ),
    ask: ['postgres'],
    also: ['collations'],
    judge: ({ postgres: { collation } }, facts) => [
      ...collation.map((name) =>
        warn(
          same(line(name)),
          psql(facts, `REINDEX DATABASE CONCURRENTLY "${line(name, 60)}"`, line(name, 60)),
          psql(facts, `ALTER DATABASE "${line(name, 60)}" REFRESH COLLATION VERSION`),
        ),
      ),
      ...(facts.collations.known ? facts.collations.value : [])
        .filter(({ version, now }) => now !== null && now !== version)
        .map(({ collation: name, version, now, indexes }) =>
          warn(
            t(
              `${line(name)}: ${line(version)}, now ${line(now ?? '')}`,
              `${line(name)}: ${line(version)}, 现为 ${line(now ?? '')}`,
            ),
            ...indexes.map((index) => psql(facts, `REINDEX INDEX CONCURRENTLY ${line(index, 120)}`)),
            psql(facts, `ALTER COLLATION ${line(name, 120)} REFRESH VERSION`),
          ),
        ),
    ],
  }),
  check({
    id: 'database.autovacuum',
    title: t('autovacuum is on, and keeps up', 'autovacuum 已开启且跟得上'),
    meaning: t(
      'Dead rows stay: tables and indexes grow, and queries become slower.',
      '死行不被清理: 表和索引膨胀, 查询变慢.',
    ),
    ask: ['postgres'],
    judge: ({ postgres: { autovacuum, behind } }, facts) => [
      ...given(!autovacuum, () =>
        fail(
          t('autovacuum is off', 'autovacuum 已关闭'),
          psql(facts, 'ALTER SYSTEM RESET autovacuum'),
          psql(facts, 'SELECT pg_reload_conf()'),
        ),
      ),
      ...behind.map((b) =>
        warn(
          t(
            `${line(b.table)}: ${b.dead} dead rows, more than living ones`,
            `${line(b.table)}: 死行 ${b.dead} 行, 多于有效行`,
          ),
          psql(facts, `VACUUM (VERBOSE) ${line(b.table, 100)}`),
        ),
      ),
    ],
  }),
  check({
    id: 'database.checksums',
    title: t('no block was found damaged', '没有发现损坏的数据块'),
    meaning: t(
      'The disk gave back other bytes than were written. Do not delete anything; take a copy of the volume first.',
      '磁盘返回的数据与写入的不同. 请勿删除任何东西, 先复制数据卷.',
    ),
    ask: ['postgres'],
    judge: ({ postgres: { checksumFailures } }) =>
      checksumFailures > 0
        ? fail(
            t(`${checksumFailures} checksum failures`, `${checksumFailures} 次校验失败`),
            ours('backup-prod.ts verify latest --level restored'),
            t('dmesg, smartctl -a: the disk', '检查磁盘: dmesg, smartctl -a'),
          )
        : WELL,
  }),
  check({
    id: 'database.growth',
    title: t('no large table grows out of hand', '大表没有异常增长'),
    meaning: t(
      'A table that nothing tidies up fills the disk, and makes each backup, restore and migration longer.',
      '无人清理的表会写满磁盘, 也会让每次备份、恢复和迁移变慢.',
    ),
    ask: ['postgres', 'ours', 'at'],
    judge: ({ postgres: { largest }, ours: { former }, at }) =>
      largest.flatMap(({ table, bytes, rows }) => {
        const before = former?.rows[table];
        // Estimates, and a table that was loaded for the first time: only what is large and was so.
        if (former === undefined || before === undefined || bytes < GIGABYTE || before < MANY || rows < before * 1.5)
          return [];
        const ago = spanText(at.now - former.at);
        const size = humanBytes(bytes);
        const times = (rows / before).toFixed(1);
        return warn(
          t(
            `${line(table)}: ${size}, ${times} times as many rows as ${ago.en} ago`,
            `${line(table)}: ${size}, 行数为 ${ago.zh}前的 ${times} 倍`,
          ),
          ours('adhoc/biggest-tables.ts'),
        );
      }),
  }),
  check({
    id: 'database.leftovers',
    title: t('no database is left from a restore', '没有恢复操作遗留的数据库'),
    meaning: t(
      'A restore keeps the former database beside the new one. It takes its space until somebody lets it go.',
      '恢复时会保留旧数据库, 在清理之前一直占用空间.',
    ),
    ask: ['postgres', 'stack'],
    judge: ({ postgres: { databases }, stack }) =>
      leftBy(loginOf(stack).name, databases).map((d) =>
        warn(
          t(
            `${line(d.name)}, ${humanBytes(d.bytes)}, since ${d.since.slice(0, 10)}`,
            `${line(d.name)}, ${humanBytes(d.bytes)}, 始于 ${d.since.slice(0, 10)}`,
          ),
          ours(`restore-prod.ts --drop ${line(d.name, 80)}`),
        ),
      ),
  }),
];
