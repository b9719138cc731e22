import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { SENTINELS } from '../sandbox/env-file.ts';
import { type Ended, runScript } from '../support/run-script.ts';
import { leaksIn } from './secrets/leaks.ts';
import { sharedStack } from './shared.ts';
import { itInFull } from './thorough.ts';
import { docker, type Stack } from './update/stack.ts';

// Each of the scripts on a real stack, in a fault that is made for it.
const REPO = path.join(import.meta.dirname, '../..');
const ADHOC = readdirSync(path.join(REPO, 'scripts/adhoc')).map((file) => file.replace(/\.ts$/, ''));

let stack: Stack;
const outputs: { readonly name: string; readonly text: string }[] = [];

async function adhoc(name: string, ...args: string[]): Promise<Ended> {
  const ended = await runScript(`adhoc/${name}`, ['--dir', stack.sandbox.deployDir, ...args]);
  outputs.push({ name, text: ended.text });
  return ended;
}

const supervisor = (...words: string[]) => stack.inApp(['sh', '-c', `supervisorctl ${words.join(' ')} || true`]);
const row = (text: string, first: string) => text.split('\n').find((line) => line.trim().startsWith(first)) ?? '';

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 200));
}

const psql = (sql: string): ChildProcess =>
  spawn('docker', [
    'exec',
    '-i',
    stack.container('postgres'),
    'psql',
    '-U',
    'whalefall_user',
    '-d',
    'whalefall_prod',
    '-c',
    sql,
  ]);

beforeAll(async () => {
  stack = await sharedStack();
});

it('template: shows what runs, and one query', async () => {
  const { exitCode, text } = await adhoc('template');
  expect(text).toContain('application running, database running, redis running');
  expect(row(text, 'whalefall_web')).toMatch(/RUNNING +\d+ +2 +web/);
  expect(text).toContain('PostgreSQL');
  expect(exitCode).toBe(0);
});

it('why-502: holds when all is well', async () => {
  const { exitCode, text } = await adhoc('why-502');
  expect(text).toMatch(/^Every link holds\.\n/);
  expect(exitCode).toBe(0);
});

it('why-502: names the program that does not run, first, and how to start it', async () => {
  supervisor('stop', 'whalefall_web');
  expect((await fetch(`${stack.sandbox.url}/api/v1/health/basic`)).status).toBe(502);
  const { exitCode, text } = await adhoc('why-502');
  expect(text.split('\n')[0]).toBe('✗ programs: whalefall_web STOPPED');
  expect(text).toMatch(/→ docker exec \S+ supervisorctl start whalefall_web\n/);
  expect(row(text, 'nginx')).toContain('broken');
  expect(row(text, 'deep health')).toContain('not asked');
  expect(exitCode).toBe(1);
  supervisor('start', 'whalefall_web');
});

itInFull('why-502: names the store that is down, and nginx', async () => {
  docker('stop', '-t', '1', stack.container('postgres'));
  const database = await adhoc('why-502');
  expect(database.text).toMatch(/^✗ database: postgres is not running: its container \S+ is exited\.\n/);
  docker('start', stack.container('postgres'));
  await stack.settled();

  supervisor('stop', 'nginx');
  const nginx = await adhoc('why-502');
  expect(nginx.text).toMatch(/^✗ programs: nginx STOPPED\n/);
  expect(row(nginx.text, 'database')).toContain('ok');
  supervisor('start', 'nginx');
  await stack.settled();
});

it('who-holds-locks: tells who waits for whom', async () => {
  const holder = psql('BEGIN; LOCK TABLE users; SELECT pg_sleep(600)');
  await until(
    () =>
      stack.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'users'::regclass") ===
      '1',
  );
  const waiting = psql('SELECT count(*) FROM users');
  await until(
    () => stack.sql('SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0') !== '0',
  );
  const { exitCode, text } = await adhoc('who-holds-locks');
  const [waits, holds] = stack
    .sql('SELECT pid, (pg_blocking_pids(pid))[1] FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0')
    .split('|');
  stack.sql(`SELECT pg_terminate_backend(${holds})`);
  await Promise.all(
    [holder, waiting].map((child) => child.exitCode ?? new Promise((resolve) => child.on('close', resolve))),
  );
  expect(row(text, String(waits))).toMatch(
    new RegExp(`^ +${waits} +${holds} +active +whalefall_user +psql .*LOCK TABLE users.* SELECT count`),
  );
  expect(exitCode).toBe(0);
});

it('biggest-tables: the biggest first', async () => {
  stack.sql('CREATE TABLE heap AS SELECT g, md5(g::text) FROM generate_series(1, 50000) g');
  const { exitCode, text } = await adhoc('biggest-tables', '--top', '3');
  const lines = text.trim().split('\n');
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatch(/table +total +indexes +rows +dead +vacuumed/);
  expect(lines[1]).toMatch(/^ +heap +\d+ kB/);
  expect(exitCode).toBe(0);
});

it('tail-logs: the lines of all programs, by time', async () => {
  await fetch(`${stack.sandbox.url}/api/v1/no-such-thing-first`);
  stack.sql('SELECT no_such_column_then');
  await new Promise((resolve) => setTimeout(resolve, 1_100)); // the access log's second
  await fetch(`${stack.sandbox.url}/api/v1/no-such-thing-last`);
  const { exitCode, text } = await adhoc('tail-logs', '--lines', '80');
  const lines = text.trim().split('\n');
  const times = lines.map((line) => line.slice(0, 24));
  expect(times).toEqual([...times].sort());
  const at = (word: RegExp) => lines.findIndex((line) => word.test(line));
  expect(at(/ whalefall_access .*no-such-thing-first/)).toBeGreaterThan(-1);
  expect(at(/ gunicorn_access .*no-such-thing-first/)).toBeGreaterThan(-1);
  expect(at(/ postgres .*no_such_column_then/)).toBeGreaterThan(at(/whalefall_access .*no-such-thing-first/));
  expect(at(/ whalefall_access .*no-such-thing-last/)).toBeGreaterThan(at(/ postgres .*no_such_column_then/));
  expect(exitCode).toBe(0);
});

it('env-drift: nothing after a deployment; then the names that differ, and no value', async () => {
  expect((await adhoc('env-drift')).text).toBe('No drift.\n');
  const env = path.join(stack.sandbox.deployDir, '.env');
  const before = readFileSync(env, 'utf8');
  writeFileSync(
    env,
    `${before.replace(/^SECRET_KEY=.*$/m, 'SECRET_KEY=Sentinel-Drifted-1234567890abcdef')}NEW_SWITCH=sentinel-new\n`,
  );
  const { exitCode, text } = await adhoc('env-drift');
  writeFileSync(env, before);
  expect(row(text, 'SECRET_KEY')).toMatch(/differs +differs$/);
  expect(row(text, 'NEW_SWITCH')).toMatch(/missing +missing$/);
  expect(text).not.toMatch(/sentinel/i);
  expect(text.trim().split('\n')).toHaveLength(3);
  expect(exitCode).toBe(0);
});

it('none of them has shown a secret, with --json either', async () => {
  await Promise.all(ADHOC.map((name) => adhoc(name, '--json')));
  expect([...new Set(outputs.map((o) => o.name))].sort()).toEqual(ADHOC);
  expect(outputs.flatMap(({ name, text }) => leaksIn(name, text, SENTINELS))).toEqual([]);
});

/** A script in a directory that has nothing to do with this tool. */
async function mine(name: string, body: string, ...args: string[]): Promise<string> {
  const file = path.join(stack.root, `${name}.mts`);
  writeFileSync(file, `import { script } from '${REPO}/lib/index.ts';\nawait script(import.meta, 'mine', ${body});\n`);
  const common = [file, '--dir', stack.sandbox.deployDir, '--config', stack.config, '--lang', 'en', ...args];
  const ran = promisify(execFile)(process.execPath, ['--import', 'tsx', ...common], { cwd: REPO });
  const { stdout, stderr } = await ran.catch((error) => error);
  return `${stdout}${stderr}`;
}

it('a file anywhere, run as docs/adhoc-scripts.md says', () => {
  const file = path.join(stack.root, 'admins.mts');
  const query = `({ db }) => db.query\`SELECT id, username FROM users WHERE username = \${'ad' + 'min'}\``;
  writeFileSync(file, `import { script } from '${REPO}/lib/index.ts';\nawait script(import.meta, 'mine', ${query});\n`);
  const argv = ['--prefix', REPO, 'tsx', file, '--dir', stack.sandbox.deployDir];
  const text = execFileSync('npx', argv, { cwd: stack.root, encoding: 'utf8' });
  expect(text).toMatch(/^ +id +username\n +\d+ +admin\n$/);
});

it('a script that looks is refused every write by the server, and what it prints is redacted', async () => {
  stack.sql('CREATE TABLE IF NOT EXISTS kept AS SELECT 1 AS g');
  const attempts = [
    'DELETE FROM kept RETURNING 1',
    'SELECT 1; DELETE FROM kept',
    'COMMIT',
    'SELECT 1) x; COMMIT; DELETE FROM kept; SELECT (1',
    "SELECT set_config('transaction_read_only', 'off', false)",
    'SELECT 1 \\\\! touch /tmp/by-psql',
  ].map((sql) => `() => db.query\`${sql}\``);
  const text = await mine(
    'writes',
    `async ({ db, $, say }) => {
      for (const one of [${attempts}]) say('said: ' + (await one().then(() => 'done', (error) => error.message.split('\\n')[0])));
      return $\`cat .env\`.text();
    }`,
  );
  expect(text.match(/^said: PostgreSQL: ERROR:/gm)).toHaveLength(attempts.length);
  expect(stack.sql('SELECT g FROM kept')).toBe('1');
  expect(text).toContain('POSTGRES_PASSWORD=[secret]');
  expect(leaksIn('writes', text, SENTINELS)).toEqual([]);
});

it('a script that changes undoes a failed step, and leaves a journal', async () => {
  const steps = (second: string) => `{ changes: true }, ({ steps }) => steps([
    { id: 'empty', run: ({ db }) => db.execute\`DELETE FROM kept\`, undo: ({ db }) => db.execute\`INSERT INTO kept VALUES (7)\` },
    { id: 'then', run: ({ app }) => app.exec(['${second}']) },
  ])`;
  expect(await mine('changes', steps('false'), '--yes')).toContain('Healthy as before');
  expect(stack.sql('SELECT g FROM kept')).toBe('7');
  expect(await mine('changes', steps('true'), '--yes')).toContain('✓ Healthy as before');
  expect(stack.sql('SELECT count(*) FROM kept')).toBe('0');
  const runs = readdirSync(path.join(stack.state, 'runs')).filter((run) => run.endsWith('-adhoc.changes'));
  expect(runs).toHaveLength(2);
});

it('a script that looks has left nothing in the deploy directory', () => {
  expect(readdirSync(path.join(stack.state, 'runs')).filter((run) => /adhoc\.(?!changes$)/.test(run))).toEqual([]);
  expect(execFileSync('git', ['status', '--porcelain'], { cwd: stack.sandbox.deployDir, encoding: 'utf8' })).toBe('');
});
