import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFreshSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { type Ended, type RunOptions, runScript } from '../support/run-script.ts';
import { openToEverybody, withoutPassword } from './open-database.ts';
import { itInFull, some } from './thorough.ts';

// One sandbox goes through the life of a deployment; each test leaves it serving.
const FOREIGN = 'e2e-other_whalefall_postgres_data';
const PHRASE = ['--data', 'delete', '--confirm', 'DELETE ALL DATA'];
const root = mkdtempSync(path.join(os.tmpdir(), 'wfops-e2e-'));
let sandbox: Sandbox;

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const deploy = async (args: readonly string[] = [], options: RunOptions = {}): Promise<Ended> => {
  const config = path.join(root, 'target.json');
  const ended = await runScript('deploy-prod-all', ['--dir', sandbox.deployDir, '--config', config, ...args], options);
  // For whoever reads the log; nothing is judged by a time.
  const figures = ended.text.match(/survey +\d+ ms|production was down +\d.*|Production was down: \d.*/g) ?? [];
  console.log(`deploy ${args.join(' ')}: exit code ${ended.exitCode}; ${figures.join('; ')}`);
  return ended;
};
const service = (key: string) =>
  docker(
    'ps',
    '-aq',
    '--filter',
    `label=com.docker.compose.project=${sandbox.project}`,
    '--filter',
    `label=com.docker.compose.service=${key}`,
    '--filter',
    'label=com.docker.compose.oneoff=False',
  );
const sql = (query: string) =>
  execFileSync(
    'docker',
    ['exec', '-i', service('postgres'), 'psql', '-XqAt', '-U', 'whalefall_user', '-d', 'whalefall_prod'],
    {
      encoding: 'utf8',
      input: query,
    },
  ).trim();
const get = async (url: string) =>
  (await fetch(url, { headers: { connection: 'close' } })).json() as Promise<{
    success: boolean;
    data: Record<string, unknown>;
  }>;
/** How long what boots may take, on a machine that may be busy. */
const patience = (bootSeconds = 120) => writeFileSync(path.join(root, 'target.json'), JSON.stringify({ bootSeconds }));
const state = () => path.join(sandbox.deployDir, '.whalefall-ops');

function expectEnd(ended: Ended, exitCode: number, text: string): void {
  expect(ended.exitCode, ended.text).toBe(exitCode);
  expect(ended.text).toContain(text);
}

async function serving(): Promise<boolean> {
  const health = await get(`${sandbox.directUrl}/api/v1/health`).catch(() => undefined);
  return health?.success === true && health.data.status === 'healthy';
}

/** A release on origin, pulled into the deploy directory. */
async function release(changes: Parameters<Sandbox['release']>[0] = {}): Promise<string> {
  await sandbox.release(changes);
  return sandbox.pull();
}

beforeAll(async () => {
  sandbox = await createFreshSandbox({
    name: 'wfops-e2e',
    root,
    ports: { http: 28080, direct: 28081, postgres: 28082, redis: 28083 },
  });
  patience();
  docker('volume', 'create', FOREIGN);
  docker(
    'run',
    '--rm',
    '-v',
    `${FOREIGN}:/v`,
    '--entrypoint',
    'sh',
    imageOfPostgres(),
    '-c',
    'echo precious > /v/file',
  );
  await release();
});

afterAll(async () => {
  await sandbox?.down();
  docker('volume', 'rm', '-f', FOREIGN);
  rmSync(root, { recursive: true, force: true });
});

const imageOfPostgres = () =>
  /image: (\S*postgres\S*)/.exec(readFileSync(path.join(sandbox.deployDir, 'docker-compose.prod.yml'), 'utf8'))?.[1] ??
  '';

it('refuses to create .env without being asked to, and leaves nothing behind', async () => {
  const ended = await deploy();
  expect(ended.exitCode, ended.text).toBe(4);
  expect(existsSync(path.join(sandbox.deployDir, '.env'))).toBe(false);
  expect(service('postgres')).toBe('');
});

it('--plan changes nothing', async () => {
  const ended = await deploy(['--plan']);
  expectEnd(ended, 0, 'docker compose');
  expect(readdirSync(sandbox.deployDir)).not.toContain('.env');
});

it('installs on an empty deploy directory', async () => {
  const ended = await deploy(['--yes']);
  expect(ended.text).toContain('Deployed and proved');
  expect(ended.exitCode, ended.text).toBe(0);
  expect(await serving()).toBe(true);
  expect(statSync(path.join(sandbox.deployDir, '.env')).mode & 0o777).toBe(0o600);
  expect(statSync(path.join(state(), 'admin-password')).mode & 0o777).toBe(0o600);
  expect(sql("SELECT count(*) FROM users WHERE username = 'admin'")).toBe('1');
  expect(sql('SELECT count(*) FROM permission_configs')).not.toBe('0');
  const password = readFileSync(path.join(state(), 'admin-password'), 'utf8').trim();
  const login = await fetch(`${sandbox.directUrl}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password }),
  });
  expect(login.status).toBe(200);
  await put('a note that must survive');
  await fetch(`${sandbox.directUrl}/api/v1/upload?name=kept.txt`, { method: 'POST', body: 'kept' });
});

itInFull('rebuilds and keeps rows and userdata', async () => {
  const commit = await release({ marker: 'second' });
  const ended = await deploy(['--yes', '--data', 'keep']);
  expectEnd(ended, 0, commit.slice(0, 10));
  expect(await notes()).toContain('a note that must survive');
  expect(await uploaded()).toContain('kept');
  expect(ended.text).toMatch(/production was down +\d/);
});

itInFull('sets the role’s password when .env has a new one, without touching pg_hba.conf', async () => {
  const hba = docker('exec', service('postgres'), 'cat', '/var/lib/postgresql/data/pg_hba.conf');
  const file = path.join(sandbox.deployDir, '.env');
  const env = readFileSync(file, 'utf8');
  writeFileSync(file, env.replace(/^POSTGRES_PASSWORD=.*$/m, 'POSTGRES_PASSWORD=another-password-4711'));
  const ended = await deploy(['--yes', '--data', 'keep']);
  expectEnd(ended, 0, "setting the role's password");
  expect(docker('exec', service('postgres'), 'cat', '/var/lib/postgresql/data/pg_hba.conf')).toBe(hba);
  expect(await notes()).toContain('a note that must survive');
});

itInFull('rebuilds, keeps rows and userdata, and closes a database that the former script left open', async () => {
  openToEverybody(service('postgres'));
  await expect.poll(() => withoutPassword(service('postgres'))).toBe('in');
  const commit = await release({ marker: 'third' });
  const ended = await deploy(['--yes', '--data', 'keep']);
  expectEnd(ended, 0, commit.slice(0, 10));
  expect(ended.text).toContain('LETS ANYBODY IN');
  expect(ended.text).toMatch(/production was down +\d/);
  expect(withoutPassword(service('postgres'))).toBe('out');
  expect(await notes()).toContain('a note that must survive');
  expect(await uploaded()).toContain('kept');
  expect(
    sql(
      "SELECT count(*) FROM pg_hba_file_rules WHERE type <> 'local' AND auth_method = 'trust' AND address NOT IN ('127.0.0.1', '::1')",
    ),
  ).toBe('0');
});

const REFUSALS = [
  ['a wrong phrase', ['--data', 'delete', '--confirm', 'delete all data'], {}],
  ['a trailing space', ['--data', 'delete', '--confirm', 'DELETE ALL DATA '], {}],
  ['`yes |`', ['--data', 'delete', '--yes'], { input: 'y\n'.repeat(1000) }],
  ['the phrase through a pipe', ['--data', 'delete', '--yes'], { input: 'DELETE ALL DATA\n' }],
  ['a closed stdin', ['--data', 'delete', '--yes'], {}],
  ['no choice', ['--yes'], {}],
] as const;
it.each(some(REFUSALS, 0))('deletes nothing on %s; everything goes on running', async (_what, args, options) => {
  const before = service('whalefall');
  const ended = await deploy(args, options);
  expect(ended.exitCode, ended.text).toBe(4);
  expect(service('whalefall')).toBe(before);
  expect(await notes()).toContain('a note that must survive');
});

itInFull('leaves everything running when the build fails', async () => {
  await release({ build_error: true });
  const before = service('whalefall');
  const ended = await deploy(['--yes', ...PHRASE]);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(service('whalefall')).toBe(before);
  expect(await serving()).toBe(true);
});

itInFull('does not stop anything for an image that cannot create the application', async () => {
  await release({ factory_error: true });
  const before = service('whalefall');
  const ended = await deploy(['--yes', '--data', 'keep']);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).not.toContain('Stop the application and save its userdata\n      done');
  expect(service('whalefall')).toBe(before);
});

itInFull('brings back schema, rows and code when a migration fails', async () => {
  await release({ migrations: ['20260601100000_fails_halfway'] });
  const ended = await deploy(['--yes', '--data', 'keep']);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(await serving()).toBe(true);
  expect(await notes()).toContain('a note that must survive');
  expect(sql('SELECT version_num FROM alembic_version')).toBe('20251231120100');
  await release({ files: { 'migrations/versions/20260601100000_fails_halfway.py': null } });
});

it('restores everything when the new application does not boot after the deletion', async () => {
  const before = (await get(`${sandbox.directUrl}/api/v1/health`)).success;
  expect(before).toBe(true);
  // What ends at its start is noticed before anything stops.
  await release({ never_healthy: true });
  patience(15);
  const ended = await deploy(['--yes', ...PHRASE]).finally(() => patience());
  expect(ended.text).toContain('Delete the consented volumes\n      done');
  expect(ended.exitCode, ended.text).toBe(1);
  expect(await serving()).toBe(true);
  expect(await notes()).toContain('a note that must survive');
  expect(await uploaded()).toContain('kept');
});

itInFull('does not take 200 for healthy', async () => {
  await release({ deep_unhealthy: true });
  patience(15);
  const ended = await deploy(['--yes', '--data', 'keep']).finally(() => patience());
  expectEnd(ended, 1, 'status unhealthy');
  expect(await serving()).toBe(true);
});

it('deletes with consent, after a backup that was restored and compared', async () => {
  await release({ marker: 'fresh' });
  const ended = await deploy(['--yes', ...PHRASE]);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('restored and compared');
  expect(await serving()).toBe(true);
  expect(await notes()).not.toContain('a note that must survive');
  expect(sql("SELECT count(*) FROM users WHERE username = 'admin'")).toBe('1');
});

it('never generates secrets for a database that exists', async () => {
  const file = path.join(sandbox.deployDir, '.env');
  const env = readFileSync(file, 'utf8');
  rmSync(file);
  try {
    const ended = await deploy(['--yes', '--data', 'keep']);
    expect(ended.exitCode, ended.text).toBe(3);
    expect(ended.text).toContain('PASSWORD_ENCRYPTION_KEY');
    expect(existsSync(file)).toBe(false);
  } finally {
    writeFileSync(file, env, { mode: 0o600 });
  }
});

it('left the other project’s volume alone, and no helper behind', () => {
  expect(docker('run', '--rm', '-v', `${FOREIGN}:/v`, '--entrypoint', 'cat', imageOfPostgres(), '/v/file')).toBe(
    'precious',
  );
  const left = docker('ps', '-a', '--format', '{{.Names}}')
    .split('\n')
    .filter((n) => /one-off|prepare|throwaway/.test(n));
  expect(left.filter((n) => n.startsWith(sandbox.project))).toEqual([]);
});

it('wrote no secret into any file of its own', () => {
  const secrets = readFileSync(path.join(sandbox.deployDir, '.env'), 'utf8')
    .split('\n')
    .map((l) => /^\w*(?:PASSWORD|SECRET|KEY)\w*=([^$]{12,})$/.exec(l)?.[1])
    .filter((s): s is string => s !== undefined);
  expect(secrets.length).toBeGreaterThan(3);
  for (const run of readdirSync(path.join(state(), 'runs'))) {
    for (const name of ['journal', 'log', 'build.log']) {
      const file = path.join(state(), 'runs', run, name);
      if (!existsSync(file)) continue;
      const text = readFileSync(file, 'utf8');
      for (const secret of secrets) expect(text.includes(secret), `${run}/${name}`).toBe(false);
    }
  }
});

const put = (text: string) =>
  fetch(`${sandbox.directUrl}/api/v1/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  });
const uploaded = async () =>
  (await fetch(`${sandbox.directUrl}/api/v1/upload/kept.txt`, { headers: { connection: 'close' } })).text();
const notes = async () => JSON.stringify(await get(`${sandbox.directUrl}/api/v1/notes`));
