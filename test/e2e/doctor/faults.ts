import { appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  AUTO,
  app,
  changed,
  changedInside,
  docker,
  endSleepers,
  type Fault,
  file,
  git,
  given,
  HBA,
  healthy,
  KEPT,
  psql,
  queued,
  RELOAD,
  redis,
  sql,
  stopped,
  TEMPLATE,
  until,
} from './fault.ts';
import { HOST } from './host-faults.ts';
import { OURS } from './our-faults.ts';
import { SERVING } from './serving-faults.ts';
import { STORES } from './store-faults.ts';

let second = '';

/** Those that are told apart by default: quick ones, of every kind. */
export const USUAL: readonly Fault[] = [
  {
    name: 'the web program is stopped',
    finds: 'supervisor.programs',
    below: ['health.basic', 'health.deep'],
    ...stopped('whalefall_web'),
  },
  {
    name: 'the template of nginx’ site no longer parses',
    finds: 'nginx.next-start',
    ...changedInside('whalefall', TEMPLATE, `sed -i 's/client_max_body_size/client_max_boddy_size/' ${TEMPLATE}`),
  },
  {
    name: 'the role’s password is another one, while the pools live on',
    finds: 'database.login',
    inject: (s) => void s.sql("ALTER ROLE whalefall_user PASSWORD 'another'"),
    putBack: (s) => void s.sql(`ALTER ROLE whalefall_user PASSWORD '${given(s, 'POSTGRES_PASSWORD')}'`),
  },
  {
    name: 'a line of pg_hba.conf is none',
    finds: 'database.hba',
    ...changedInside('postgres', HBA, `echo 'host all nonsense' >> ${HBA}`),
  },
  {
    name: 'Redis has another password by now',
    finds: 'redis.login',
    below: [],
    inject: (s) => void redis(s, 'CONFIG SET requirepass another'),
    putBack: (s) => void redis(s, `CONFIG SET requirepass ${given(s, 'REDIS_PASSWORD')}`, 'another'),
  },
  {
    name: 'a container would not come back after a reboot',
    finds: 'container.restart-policy',
    inject: (s) => void docker('update', '--restart', 'no', s.container('redis')),
    putBack: (s) => void docker('update', '--restart', 'unless-stopped', s.container('redis')),
  },
  {
    name: '.env has another password than the database',
    finds: 'database.login-next',
    below: [],
    ...changed('.env', (t) => t.replace(/^POSTGRES_PASSWORD=.*$/m, 'POSTGRES_PASSWORD=Sentinel-Other-77aa12bc')),
  },
  {
    name: 'sed -i gave .env another inode',
    finds: 'container.stale-mount',
    below: ['env.drift'],
    inject: (s) => {
      renameSync(file(s, '.env'), file(s, '.env') + KEPT);
      writeFileSync(file(s, '.env'), `${readFileSync(file(s, '.env') + KEPT, 'utf8')}NEW_SWITCH=1\n`, { mode: 0o600 });
    },
    putBack: (s) => renameSync(file(s, '.env') + KEPT, file(s, '.env')),
  },
];

/** Those of everything that runs and can be asked. */
const RUNNING: readonly Fault[] = [
  {
    name: 'a second container of Redis serves',
    finds: 'container.redis',
    inject: (s) => {
      const label = (name: string) => `com.docker.compose.${name}`;
      const first = s.container('redis');
      const project = docker('inspect', '-f', `{{index .Config.Labels "${label('project')}"}}`, first);
      const labels = Object.entries({ project, service: 'redis', oneoff: 'False' });
      const flags = labels.flatMap(([name, value]) => ['--label', `${label(name)}=${value}`]);
      const image = docker('inspect', '-f', '{{.Image}}', first);
      second = docker(
        'run',
        '-d',
        '--restart',
        'unless-stopped',
        '--network',
        'none',
        '--no-healthcheck',
        ...flags,
        '--entrypoint',
        'sleep',
        image,
        '600',
      );
    },
    putBack: () => void docker('rm', '-f', second),
  },
  { name: 'the scheduler is stopped', finds: 'supervisor.programs', ...stopped('whalefall_scheduler') },
  {
    name: 'nginx is stopped',
    finds: 'supervisor.programs',
    below: ['health.basic', 'nginx.answers'],
    ...stopped('nginx'),
  },
  {
    name: 'the application’s container is paused',
    finds: 'container.app',
    inject: (s) => void docker('pause', s.container('whalefall')),
    putBack: (s) => void docker('unpause', s.container('whalefall')),
  },
  {
    name: 'PostgreSQL is stopped',
    finds: 'container.postgres',
    below: ['health.deep'],
    inject: (s) => void docker('stop', '-t', '2', s.container('postgres')),
    putBack: async (s) => {
      docker('start', s.container('postgres'));
      await until(() => healthy(s));
    },
  },
  {
    name: 'Redis is stopped',
    finds: 'container.redis',
    below: ['health.deep'],
    inject: (s) => void docker('stop', '-t', '2', s.container('redis')),
    putBack: async (s) => {
      docker('start', s.container('redis'));
      await until(() => healthy(s));
    },
  },
  {
    name: 'all of gunicorn’s processes hang',
    finds: 'gunicorn.queue',
    inject: async (s) => {
      app(s, 'pkill -STOP -f "[w]sgi:application"; true');
      const ask = 'curl -s -o /dev/null --max-time 300 http://127.0.0.1:5001/api/v1/health/basic';
      for (let n = 0; n < 8; n += 1) docker('exec', '-d', s.container('whalefall'), 'sh', '-c', ask);
      await until(() => queued(s) >= 5);
    },
    putBack: async (s) => {
      app(s, 'pkill -CONT -f "[w]sgi:application"; true');
      await until(() => healthy(s));
    },
  },
  {
    name: 'a transaction holds a lock that others wait for',
    finds: 'database.blocked',
    inject: async (s) => {
      psql(s, 'BEGIN; LOCK TABLE users; SELECT pg_sleep(600)');
      await until(
        () =>
          s.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'users'::regclass") ===
          '1',
      );
      psql(s, 'SELECT count(*) FROM users');
      await until(
        () =>
          s.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0 AND clock_timestamp() - query_start > interval '3 s'",
          ) !== '0',
      );
    },
    putBack: endSleepers,
  },
  {
    name: 'a line of postgresql.auto.conf is wrong',
    finds: 'database.settings',
    ...changedInside('postgres', AUTO, `echo "max_connections = 'banana'" >> ${AUTO}`),
  },
  {
    name: 'a setting waits for a restart',
    finds: 'database.pending-restart',
    ...changedInside('postgres', AUTO, `echo "max_connections = '120'" >> ${AUTO} && ${RELOAD}`, RELOAD),
  },
  {
    name: 'the database is read-only',
    finds: 'database.writable',
    ...sql(
      'ALTER DATABASE whalefall_prod SET default_transaction_read_only = on',
      'SET default_transaction_read_only = off; ALTER DATABASE whalefall_prod RESET default_transaction_read_only',
    ),
  },
  {
    name: 'anybody gets in from elsewhere',
    finds: 'database.trust',
    ...changedInside(
      'postgres',
      HBA,
      `sed -i 's/^host all all all .*/host all all all trust/' ${HBA} && ${RELOAD}`,
      RELOAD,
    ),
  },
  {
    name: 'a partitioned table has no partition for today',
    finds: 'database.partitions',
    ...sql(
      "CREATE TABLE doctors_test (at date NOT NULL) PARTITION BY RANGE (at); CREATE TABLE doctors_test_old PARTITION OF doctors_test FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
      'DROP TABLE doctors_test',
    ),
  },
  {
    name: 'an index is invalid',
    finds: 'database.invalid-indexes',
    ...sql(
      "CREATE TABLE doctors_test (a int); CREATE INDEX doctors_index ON doctors_test (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'doctors_index'::regclass",
      'DROP TABLE doctors_test',
    ),
  },
  {
    name: 'a slot keeps the log for nobody',
    finds: 'database.slots',
    ...sql(
      "SELECT pg_create_physical_replication_slot('doctors_test', true)",
      "SELECT pg_drop_replication_slot('doctors_test')",
    ),
  },
  {
    name: 'a sequence is nearly used up',
    finds: 'database.sequences',
    ...sql(
      "CREATE TABLE doctors_test (a serial); SELECT setval('doctors_test_a_seq', 2100000000)",
      'DROP TABLE doctors_test',
    ),
  },
  {
    name: 'a restore left a database',
    finds: 'database.leftovers',
    ...sql(
      'CREATE DATABASE whalefall_prod_before_20260101t000000z',
      'DROP DATABASE whalefall_prod_before_20260101t000000z',
    ),
  },
  {
    name: 'autovacuum is off',
    finds: 'database.autovacuum',
    ...changedInside('postgres', AUTO, `echo "autovacuum = 'off'" >> ${AUTO} && ${RELOAD}`, RELOAD),
  },
  {
    name: 'Redis is at its limit',
    finds: 'redis.memory',
    inject: (s) => void redis(s, 'CONFIG SET maxmemory 100kb'),
    putBack: (s) => void redis(s, 'CONFIG SET maxmemory 0'),
  },
  {
    name: 'Redis hangs',
    finds: 'redis.answers',
    below: ['health.deep'],
    // Nothing can end that before its time.
    inject: (s) => void redis(s, 'CLIENT PAUSE 40000 ALL'),
    putBack: (s) => until(() => healthy(s)),
  },
  {
    name: 'Redis was made a replica',
    finds: 'redis.writable',
    inject: (s) => void redis(s, 'REPLICAOF 192.0.2.1 6379'),
    putBack: (s) => void redis(s, 'REPLICAOF NO ONE'),
  },
  {
    name: 'a page may not be read',
    finds: 'app.unreadable',
    below: ['routes.served'],
    inject: (s) => void app(s, 'chmod 600 /app/frontend/dist/index.html'),
    putBack: (s) => void app(s, 'chmod 644 /app/frontend/dist/index.html'),
  },
  {
    name: 'nginx has not read its configuration yet',
    finds: 'nginx.stale',
    inject: (s) => void app(s, 'touch /etc/nginx/nginx.conf'),
    putBack: (s) => void app(s, 'nginx -s reload 2>/dev/null; sleep 3; touch -d "1 day ago" /etc/nginx/nginx.conf'),
  },
  {
    name: 'nginx’ configuration no longer parses',
    finds: 'nginx.config',
    ...changedInside('whalefall', '/etc/nginx/nginx.conf', 'echo nonsense >> /etc/nginx/nginx.conf'),
  },
  {
    name: 'a file was changed by hand',
    finds: 'release.by-hand',
    ...changedInside('whalefall', '/app/app/scheduler.py', 'echo "# by hand" >> /app/app/scheduler.py'),
  },
  {
    name: 'the database is of newer code',
    finds: 'release.schema',
    ...sql(
      "UPDATE alembic_version SET version_num = '20990101000000'",
      "UPDATE alembic_version SET version_num = '20251231120100'",
    ),
  },
  {
    name: 'a file of the checkout is changed',
    finds: 'release.checkout',
    ...changed('app.py', (t) => `${t}\n# changed\n`),
  },
  {
    name: '.env was edited',
    finds: 'env.drift',
    ...changed('.env', (t) => t.replace(/^LOG_LEVEL=.*$/m, 'LOG_LEVEL=DEBUG')),
  },
  {
    name: '.env has a line that would be executed',
    finds: 'env.readable',
    ...changed('.env', (t) => `${t}ODD=$(id)\n`),
  },
  {
    name: '.env breaks a rule',
    finds: 'env.rules',
    ...changed('.env', (t) => t.replace(/^BCRYPT_LOG_ROUNDS=.*$/m, 'BCRYPT_LOG_ROUNDS=99')),
  },
  {
    name: '.env may be read by everybody',
    finds: 'env.readable',
    inject: (s) => chmodSync(file(s, '.env'), 0o644),
    putBack: (s) => chmodSync(file(s, '.env'), 0o600),
  },
  {
    name: 'a release with a new variable is checked out and does not run',
    finds: 'release.git',
    below: ['env.example'],
    // Committed, as a pull brings it.
    inject: (s) => {
      appendFileSync(file(s, 'env.example'), 'BRAND_NEW=1\n');
      git(s, '-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-qam', 'a new variable');
    },
    putBack: (s) => void git(s, 'reset', '-q', '--hard', 'HEAD~1'),
  },
  {
    name: 'the compose file no longer parses',
    finds: 'stack.config',
    ...changed('docker-compose.prod.yml', (t) => `${t}\n  nonsense: [\n`),
  },
  {
    name: 'the compose file declares the network in another way than it is',
    finds: 'container.networks',
    ...changed('docker-compose.prod.yml', (t) => t.replace(/^( +)driver: bridge$/m, '$&\n$1labels: { team: ops }')),
  },
  {
    name: 'the image’s name means another image',
    finds: 'container.image',
    inject: (s) => {
      const id = s.container('whalefall');
      const [image = '', name = ''] = docker('inspect', '-f', '{{.Image}} {{.Config.Image}}', id).split(' ');
      docker('tag', image, `${name}-kept`);
      docker('tag', docker('inspect', '-f', '{{.Image}}', s.container('redis')), name);
    },
    putBack: (s) => {
      const name = docker('inspect', '-f', '{{.Config.Image}}', s.container('whalefall'));
      docker('tag', `${name}-kept`, name);
      docker('rmi', `${name}-kept`);
    },
  },
  {
    name: 'a run was killed',
    finds: 'runs.unfinished',
    inject: (s) => {
      const dir = path.join(s.state, 'runs/20990101T000000Z-update-prod-flask');
      mkdirSync(dir, { mode: 0o700 });
      const at = '2099-01-01T00:00:00.000Z';
      const events = [
        { event: 'run-start', script: 'update-prod-flask', version: '0', pid: 999_999, options: {}, args: [] },
        { event: 'step-start', step: 'switch' },
        { event: 'intent', command: 'docker exec …' },
      ];
      writeFileSync(
        path.join(dir, 'journal'),
        events.map((e, seq) => `${JSON.stringify({ seq: seq + 1, at, ...e })}\n`).join(''),
        { mode: 0o600 },
      );
    },
    putBack: (s) => rmSync(path.join(s.state, 'runs/20990101T000000Z-update-prod-flask'), { recursive: true }),
  },
  {
    name: 'a module was deleted, and its byte code stayed',
    finds: 'release.bytecode',
    inject: (s) =>
      void app(
        s,
        "cd /app && echo x=1 > left.py && .venv/bin/python -c \"import py_compile; py_compile.compile('left.py', cfile='left.pyc')\" && rm left.py",
      ),
    putBack: (s) => void app(s, 'rm -f /app/left.pyc'),
  },
  {
    name: 'a run that held requests was killed',
    finds: 'hold.rules',
    inject: (s) =>
      writeFileSync(path.join(s.state, 'hold-rules'), 'whalefall-ops-hold-0000000000000000', { mode: 0o600 }),
    putBack: (s) => rmSync(path.join(s.state, 'hold-rules'), { force: true }),
  },
  {
    name: 'a backup is damaged',
    finds: 'backup.level',
    inject: (s) => {
      const dir = path.join(s.state, 'backups/20260101T000000Z-damaged');
      mkdirSync(dir, { mode: 0o700 });
      appendFileSync(path.join(dir, 'manifest.json'), '{}');
    },
    putBack: (s) => rmSync(path.join(s.state, 'backups/20260101T000000Z-damaged'), { recursive: true }),
  },
];

/** The rest. */
export const MORE: readonly Fault[] = [...RUNNING, ...SERVING, ...STORES, ...HOST, ...OURS];

export const ALL: readonly Fault[] = [...USUAL, ...MORE];
