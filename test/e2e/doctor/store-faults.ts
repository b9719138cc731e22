import { changed, docker, endSleepers, type Fault, healthy, inside, redis, type Sick, sql, until } from './fault.ts';
import { aged, manifestsChanged } from './our-faults.ts';

const PSQL = 'psql -XqAt -U whalefall_user -d whalefall_prod';
const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function postgresStarts(s: Sick, setting: string): Promise<void> {
  s.sql(setting);
  docker('restart', s.container('postgres'));
  await until(() => healthy(s));
}

/** Does something to the data directory while the server does not run. */
async function whileStopped(s: Sick, script: string): Promise<void> {
  const id = s.container('postgres');
  docker('stop', id);
  const image = docker('inspect', '-f', '{{.Image}}', id);
  const from = ['--rm', '--network', 'none', '--volumes-from', id, '--user', 'postgres', '--entrypoint', 'sh'];
  docker('run', ...from, image, '-ec', `PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; ${script}`);
  docker('start', id);
  await until(() => healthy(s));
}

/** Backups of three days ago, with so many users. */
const FORMER = manifestsChanged((manifest) => {
  if (manifest.kind !== 'database') return manifest;
  const { contents } = manifest;
  const tables = contents.tables.map((t) => (t.name === 'users' ? { ...t, rows: 200_000 } : t));
  return aged({ ...manifest, contents: { ...contents, tables } }, 3);
});

/** What PostgreSQL and Redis suffer from before they stop. */
export const STORES: readonly Fault[] = [
  {
    name: 'nearly all connections are used',
    finds: 'database.connections',
    inject: async (s) => {
      const one = `${PSQL} -c "SELECT pg_sleep(600)" >/dev/null 2>&1 &`;
      // Whoever outlives its parent there becomes the postmaster's child, which takes the end of an unknown one for a crash.
      docker('exec', '-d', s.container('postgres'), 'sh', '-c', `for n in $(seq 85); do ${one} done; wait`);
      await until(() => Number(s.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'")) > 85);
    },
    putBack: endSleepers,
  },
  {
    name: 'a client forgot its transaction',
    finds: 'database.long-transactions',
    inject: async (s) => {
      docker('exec', '-d', s.container('postgres'), 'sh', '-c', `(echo 'BEGIN; SELECT 1;'; sleep 900) | ${PSQL}`);
      const open = "state = 'idle in transaction' AND clock_timestamp() - xact_start > interval '301 s'";
      await until(() => s.sql(`SELECT count(*) FROM pg_stat_activity WHERE ${open}`) !== '0');
    },
    putBack: (s) =>
      void s.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"),
  },
  {
    name: 'a prepared transaction was forgotten',
    finds: 'database.prepared',
    inject: async (s) => {
      await postgresStarts(s, 'ALTER SYSTEM SET max_prepared_transactions = 2');
      s.sql("BEGIN; CREATE TABLE doctors_test (a int); PREPARE TRANSACTION 'doctors_test'");
      await sleep(61);
    },
    putBack: (s) => {
      s.sql("ROLLBACK PREPARED 'doctors_test'");
      return postgresStarts(s, 'ALTER SYSTEM RESET max_prepared_transactions');
    },
  },
  {
    name: 'transaction ids come to their end',
    finds: 'database.wraparound',
    ...sql(
      `CREATE DATABASE doctors_test; UPDATE pg_database SET datfrozenxid =
         ((txid_current() % 4294967296 - 1100000000 + 4294967296) % 4294967296)::text::xid WHERE datname = 'doctors_test'`,
      'DROP DATABASE doctors_test',
    ),
  },
  {
    name: 'the library that sorts is another one than when the database was made',
    finds: 'database.collation',
    ...sql(
      `CREATE DATABASE doctors_test TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C';
       UPDATE pg_database SET datcollversion = '1.0' WHERE datname = 'doctors_test'`,
      'DROP DATABASE doctors_test',
    ),
  },
  {
    name: 'the disk gave back another block than was written',
    finds: 'database.checksums',
    inject: async (s) => {
      s.sql('CREATE TABLE doctors_test AS SELECT generate_series(1, 1000) AS a; CHECKPOINT');
      const block = s.sql("SELECT pg_relation_filepath('doctors_test')");
      const spoil = `printf spoilt | dd of="$PGDATA/${block}" bs=1 seek=4000 conv=notrunc status=none`;
      await whileStopped(s, `pg_checksums --enable -D "$PGDATA" > /dev/null; ${spoil}`);
      s.sql('SELECT count(*) FROM doctors_test');
      await until(() => s.sql('SELECT sum(checksum_failures) > 0 FROM pg_stat_database') === 't');
    },
    putBack: async (s) => {
      s.sql('DROP TABLE doctors_test; SELECT pg_stat_reset()');
      await whileStopped(s, 'pg_checksums --disable -D "$PGDATA" > /dev/null');
    },
  },
  {
    name: 'a large table has grown by half',
    finds: 'database.growth',
    inject: async (s) => {
      await FORMER.inject(s);
      s.sql("UPDATE pg_class SET relpages = 200000, reltuples = 1000000 WHERE oid = 'public.users'::regclass");
    },
    putBack: (s) => {
      s.sql('VACUUM ANALYZE public.users');
      FORMER.putBack(s);
    },
  },
  {
    name: '.env has another password than Redis',
    finds: 'redis.login-next',
    ...changed('.env', (t) => t.replace(/^REDIS_PASSWORD=.*$/m, 'REDIS_PASSWORD=Sentinel-Other-55cc31de')),
  },
  {
    name: 'Redis can not save',
    finds: 'redis.persistence',
    inject: async (s) => {
      inside(
        s.container('redis'),
        'cd /data; [ ! -f dump.rdb ] || mv dump.rdb dump.kept; mkdir -p dump.rdb/in-the-way',
      );
      await saved(s, 'err');
    },
    putBack: async (s) => {
      inside(s.container('redis'), 'cd /data; rm -r dump.rdb; [ ! -f dump.kept ] || mv dump.kept dump.rdb');
      await saved(s, 'ok');
    },
  },
];

async function saved(s: Sick, outcome: 'ok' | 'err'): Promise<void> {
  redis(s, 'BGSAVE');
  await until(() => redis(s, 'INFO persistence').includes(`rdb_last_bgsave_status:${outcome}`));
}
