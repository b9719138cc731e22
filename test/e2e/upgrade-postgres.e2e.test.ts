import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureLaterPostgres } from '../sandbox/images.ts';
import { type Ended, runScript } from '../support/run-script.ts';
import { thorough } from './thorough.ts';
import { underLoad } from './update/run.ts';
import { docker, Stack } from './update/stack.ts';

// PostgreSQL 15 to a later major version and back. The images are made of other suites' packages, which takes a minute each: in full only.
const COMPOSE = 'docker-compose.prod.yml';
const MOUNTS = { '17': '/var/lib/postgresql/data', '18': '/var/lib/postgresql' } as const;
const KEY = 'whalefall_postgres_data';

/** What no dump of tables alone has, and what a restore could forget. */
const RICH = `\\set ON_ERROR_STOP on
CREATE EXTENSION pg_trgm; CREATE EXTENSION pgcrypto;
CREATE ROLE reports LOGIN PASSWORD 'of reports'; CREATE ROLE readers; GRANT readers TO reports;
ALTER ROLE reports SET statement_timeout = '9s';
CREATE COLLATION german (provider = icu, locale = 'de-u-kn-true');
CREATE TABLE words (id serial PRIMARY KEY, word text COLLATE german, secret bytea);
INSERT INTO words (word, secret) SELECT 'Wort ' || n, digest(n::text, 'sha256') FROM generate_series(1, 2000) n;
CREATE INDEX words_trgm ON words USING gin (word gin_trgm_ops); CREATE INDEX words_sorted ON words (word);
GRANT SELECT ON words TO readers; SELECT setval('words_id_seq', 4711);
SELECT lo_from_bytea(424242, decode(repeat('c0ffee', 5000), 'hex'));
ALTER DATABASE whalefall_prod SET work_mem = '6MB';
`;
const SEEN = `\\set ON_ERROR_STOP on
SELECT md5(string_agg(word || encode(secret, 'hex'), ',' ORDER BY word COLLATE german, id)) FROM words;
SELECT last_value FROM words_id_seq; SELECT md5(lo_get(424242));
SELECT string_agg(extname, ',' ORDER BY extname) FROM pg_extension;
SELECT rolconfig FROM pg_roles WHERE rolname = 'reports'; SELECT pg_has_role('reports', 'readers', 'member');
SELECT left(rolpassword, 200) FROM pg_authid WHERE rolname = 'reports'; SHOW work_mem;
SELECT count(*) FROM words WHERE word % 'Wort 1234'; SELECT string_agg(text, ',' ORDER BY id) FROM notes;
`;

describe.runIf(thorough).each(['17', '18'] as const)('from 15 to %s', (major) => {
  let stack: Stack;
  let image = '';
  let seen = '';
  const volume = () => `${stack.sandbox.project}_${KEY}_${major}`;
  const former = () => `${stack.sandbox.project}_${KEY}`;
  const args = (...more: string[]) => ['--dir', stack.sandbox.deployDir, '--config', stack.config, ...more];
  const upgrade = (...more: string[]): Promise<Ended> => runScript('upgrade-postgres', args(...more));
  const rebuild = () => runScript('deploy-prod-all', args('--yes', '--data', 'keep'));
  const serves = () => stack.sql('SHOW server_version_num').slice(0, 2);
  const compose = (edit: (text: string) => string) => {
    const text = readFileSync(path.join(stack.sandbox.deployDir, COMPOSE), 'utf8');
    return stack.sandbox.release({ files: { [COMPOSE]: edit(text) } });
  };
  const ids = () => (['postgres', 'redis', 'whalefall'] as const).map((s) => stack.container(s)).join();

  beforeAll(async () => {
    image = await ensureLaterPostgres(major);
    stack = await Stack.prepared('wfops-upgrade');
    await stack.deploy();
    stack.sql(RICH);
    stack.sql("ALTER SYSTEM SET log_autovacuum_min_duration = '7s'");
    stack.sql('ALTER SYSTEM SET max_connections = 77');
    seen = stack.sql(SEEN);
  });
  afterAll(() => stack?.down());

  it('is tried without touching anything, and says what the compose file has to say', async () => {
    const before = ids();
    const ended = await upgrade('--to', image, '--trial');
    expect(ended.exitCode, ended.text).toBe(0);
    expect(ended.text).toContain(`- ${KEY}_${major}:${MOUNTS[major]}`);
    expect(ids()).toBe(before);
    expect(docker('volume', 'ls', '-q', '--filter', `name=${volume()}`)).toBe('');
  });

  it('is refused by a rebuild, and until the compose file says so', async () => {
    const before = ids();
    const asked = await upgrade('--to', image, '--yes');
    expect(asked.exitCode, asked.text).toBe(3);
    await compose((text) => text.replace(/image: \S*postgres\S*/, `image: ${image}`));
    await stack.sandbox.pull();
    const rebuilt = await rebuild();
    expect(rebuilt.exitCode, rebuilt.text).toBe(3);
    expect(rebuilt.text).toMatch(new RegExp(`PostgreSQL 15's, and \\S+ is PostgreSQL ${major}`));
    expect(ids()).toBe(before);
  });

  it('is done while requests wait, with everything as it was', async () => {
    await compose((text) =>
      text
        .replace(`${KEY}:/var/lib/postgresql/data`, `${KEY}_${major}:${MOUNTS[major]}`)
        .replace(`${KEY}:\n`, `${KEY}_${major}:\n`),
    );
    await stack.sandbox.pull();
    const app = stack.container('whalefall');
    const run = await underLoad(stack, 'upgrade-postgres', ['--to', image, '--hold-at-most', '300s'], { rate: 10 });
    expect(run.exitCode, run.text).toBe(0);
    expect(run.load.failed, run.text).toBe(0);
    expect(serves()).toBe(major);
    expect(stack.sql(SEEN)).toBe(seen);
    expect(stack.container('whalefall')).toBe(app);
    expect(stack.sql('SHOW data_checksums; SHOW max_connections; SHOW log_autovacuum_min_duration')).toBe('on\n77\n7s');
    expect(Number(stack.sql("SELECT count(*) FROM pg_stats WHERE tablename = 'words'"))).toBeGreaterThan(0);
    expect(docker('volume', 'ls', '-q', '--filter', `name=${former()}`).split('\n')).toContain(former());
  });

  it('is what a person gets who types docker compose up, and what a rebuild goes on with', async () => {
    const postgres = stack.container('postgres');
    await stack.sandbox.compose('up', '-d', '--no-deps', 'postgres');
    expect(stack.container('postgres')).toBe(postgres);
    const ended = await rebuild();
    expect(ended.exitCode, ended.text).toBe(0);
    expect(stack.sql(SEEN)).toBe(seen);
  });

  it('goes back to the former cluster, and on again, without deleting anything', async () => {
    stack.sql("INSERT INTO notes (text) VALUES ('written on the new one')");
    const declined = await upgrade('--back', '--yes');
    expect(declined.exitCode, declined.text).toBe(4);
    const back = await upgrade('--back', '--confirm', 'BACK TO POSTGRESQL 15');
    expect(back.exitCode, back.text).toBe(0);
    expect(back.text).toMatch(/rows in public\.notes/);
    expect([serves(), stack.sql(SEEN)]).toEqual(['15', seen]);
    const again = await upgrade('--to', image, '--yes');
    expect(again.exitCode, again.text).toBe(0);
    expect([serves(), stack.sql(SEEN)]).toEqual([major, seen]);
    expect(stack.sql("SELECT count(*) FROM pg_database WHERE datname LIKE '%_before_%'")).toBe('1');
  });

  it('drops the former cluster once the new one is saved, and then only', async () => {
    const phrase = ['--drop', '--confirm', `DROP ${former()}`];
    const early = await upgrade(...phrase);
    expect(early.exitCode, early.text).toBe(3);
    const taken = await runScript('backup-prod', ['create', ...args()]);
    expect(taken.exitCode, taken.text).toBe(0);
    const dropped = await upgrade(...phrase);
    expect(dropped.exitCode, dropped.text).toBe(0);
    expect(docker('volume', 'ls', '-q').split('\n')).not.toContain(former());
    expect(stack.sql(SEEN)).toBe(seen);
  });
});
