import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SENTINELS } from '../sandbox/env-file.ts';
import { type Ended, runScript } from '../support/run-script.ts';
import { leaksBelow, leaksIn } from './secrets/leaks.ts';
import { type Seen, shims, watch } from './secrets/watch.ts';
import { original } from './update/sources.ts';
import { docker, Stack } from './update/stack.ts';

// The life of a stack, once, while everything that can be seen of it is kept; afterwards each of its secrets is searched for in that.
const TELLS = `
import base64 as _b, json as _j, os as _o, urllib.parse as _u
_v = list(_o.environ.values())
_told = [repr(_o.environ), _j.dumps(dict(_o.environ)), *(_u.quote(v, safe="") for v in _v), *(_b.b64encode(b"user:" + v.encode()).decode() for v in _v)]
print(_told, flush=True)
raise RuntimeError("does not load: " + " ".join(_told))
`;
// Characters that are written otherwise in URLs, JSON and base64.
const SECRET_KEY = 'Sentinel-Key+c03d55e1/a7f94b68=9e?x&y';

let stack: Stack;
let seen: Seen;
let secrets: Record<string, string> = {};
const outputs: (Ended & { readonly what: string })[] = [];

async function script(name: string, ...args: string[]): Promise<Ended> {
  const common = ['--dir', stack.sandbox.deployDir, '--config', stack.config, '--json', '--verbose', '--yes'];
  const ended = await runScript(name, [...args, ...common]);
  outputs.push({ what: `${name} ${args.join(' ')}`, ...ended });
  return ended;
}

async function works(name: string, ...args: string[]): Promise<void> {
  const { exitCode, text } = await script(name, ...args);
  expect(exitCode, `${name} ${args.join(' ')}\n${text}`).toBe(0);
}

async function life(): Promise<void> {
  await stack.sandbox.pull();
  await works('deploy-prod-all');
  stack.sql("INSERT INTO notes (text) VALUES ('one')");
  await works('backup-prod', 'create', '--userdata', '--tag', 'first');
  const recipient = await identityToRecipient(await generateX25519Identity());
  await works('backup-prod', 'export', 'latest', '--encrypt-to', recipient, '--to', path.join(stack.state, 'exported'));
  await works('backup-prod', 'list');

  // What only this server has is kept in git before an update.
  appendFileSync(path.join(stack.sandbox.deployDir, 'app.py'), '# changed here\n');
  await stack.release({ migrations: ['20260601090000_add_note_author'] });
  await works('update-prod-flask', '--discard-local', '--soak', '1s');
  await works('restore-prod', '--confirm', 'RESTORE whalefall_prod');
  await works('rollback-prod', 'previous', '--soak', '1s');
  await works('rehearse', '--plan');
  await works('runs', 'list');

  // A release that tells all it knows when it is loaded, and an environment file that compose quotes in its complaint.
  await stack.release({ files: { 'app/__init__.py': `${TELLS}${original(stack, 'app/__init__.py')}` } });
  const failed = await script('update-prod-flask', '--soak', '1s');
  expect(failed.exitCode, failed.text).toBe(1);
  expect(failed.text).toContain('does not load');
  const env = stack.sandbox.writeEnv({ SECRET_KEY: `'${SECRET_KEY}'` });
  writeFileSync(env, readFileSync(env, 'utf8').replace(/^(POSTGRES_PASSWORD)=(.*)$/m, '$1="$2\n'));
  const refused = await script('deploy-prod-all', '--data', 'keep');
  expect(refused.exitCode, refused.text).toBe(2);
}

beforeAll(async () => {
  stack = await Stack.prepared('wfops-secrets');
  const { PATH, log } = shims(path.join(stack.root, 'shims'));
  stack.sandbox.writeEnv({ SECRET_KEY: `'${SECRET_KEY}'` });
  stack.patience();
  stack.base = await stack.sandbox.release();
  const before = process.env.PATH;
  process.env.PATH = PATH;
  const stop = await watch(log);
  try {
    await life();
  } finally {
    process.env.PATH = before;
    seen = await stop();
  }
  const admin = readFileSync(path.join(stack.state, 'admin-password'), 'utf8').trim();
  secrets = { ...SENTINELS, SECRET_KEY, admin };
  tell();
});
afterAll(() => stack?.down());

/** For whoever reads the log: how much was looked through. */
function tell(): void {
  const took = outputs.map((o) => `${o.what.split(' ').slice(0, 2).join(' ')} ${(o.milliseconds / 1000).toFixed(1)} s`);
  const commands = seen.commands.split('\n').length;
  console.log(
    `${took.join(', ')}; ${seen.processes.length} command lines of processes, ${commands} of docker and git, ${seen.containers.length} containers`,
  );
}

it('nothing that was shown has a secret: text, JSON, errors of others', () => {
  expect(outputs.length).toBeGreaterThan(9);
  expect(outputs.flatMap(({ what, text }) => leaksIn(what, text, secrets))).toEqual([]);
  expect(outputs.map((o) => o.text).join('\n')).toContain('[secret]'); // they were about to be shown
});

it('nothing that is kept has one, and nobody else may read it', () => {
  expect(leaksBelow(stack.state, secrets)).toEqual([]);
});

it('no process had one among its arguments, in containers either, but what the compose file itself starts', () => {
  const ours = seen.processes.filter((args) => !/redis-server|docker-entrypoint|\/entrypoint\.sh/.test(args));
  expect(ours.length).toBeGreaterThan(50);
  expect(ours.flatMap((args) => leaksIn(args.slice(0, 200), args, secrets))).toEqual([]);
  expect(seen.commands.split('\n').length).toBeGreaterThan(200);
  expect(seen.commands.split('\n').flatMap((line) => leaksIn(line, line, secrets))).toEqual([]);
});

it('containers have no more than what compose gives the application', () => {
  const compose = seen.containers.filter(
    (c) => c.Config.Labels?.['com.docker.compose.project'] === stack.sandbox.project,
  );
  const given = new Set(compose.flatMap((c) => c.Config.Env ?? []));
  // Other tests may be at work on the same engine.
  const { project } = stack.sandbox;
  const isOwn = ({ Name, Config }: (typeof seen.containers)[number]) =>
    Name.startsWith(`/${project}`) || (Config.Labels?.['whalefall-ops.state'] ?? '').startsWith(stack.root);
  const own = seen.containers.filter((c) => !compose.includes(c) && isOwn(c));
  expect(own.length).toBeGreaterThan(2);
  for (const container of own) {
    // A container of the application needs what the application gets.
    const { Config, ...rest } = container;
    const { Env, ...config } = Config;
    const more = (Env ?? []).filter((line) => !given.has(line));
    expect(leaksIn(container.Id, JSON.stringify([rest, config, more]), secrets)).toEqual([]);
  }
  for (const { Config, ...rest } of compose) {
    const service = Config.Labels?.['com.docker.compose.service'] ?? '';
    if (/^redis(-template)?$/.test(service)) continue; // its command has the password by the compose file
    expect(leaksIn('compose', JSON.stringify([rest, Config.Labels]), secrets)).toEqual([]);
  }
});

it('neither images nor git nor what the services log have one', () => {
  const images = docker('image', 'ls', '-q', `${stack.sandbox.project}/whalefall`).split('\n');
  for (const image of new Set(images)) {
    const made = `${docker('history', '--no-trunc', image)}\n${docker('image', 'inspect', image)}`;
    expect(leaksIn(image, made, secrets)).toEqual([]);
  }
  const refs = stack.git(['for-each-ref', 'refs/whalefall-ops']);
  expect(refs).toContain('saved/');
  expect(leaksIn('git', refs + stack.git(['cat-file', '--batch-all-objects', '--batch']), secrets)).toEqual([]);
  for (const service of ['postgres', 'redis', 'whalefall'] as const) {
    const said = execFileSync('sh', ['-c', `docker logs ${stack.container(service)} 2>&1`], { encoding: 'utf8' });
    expect(leaksIn(`log of ${service}`, said, secrets)).toEqual([]);
  }
});

it('the search finds what is there, in every shape', async () => {
  const [name, value] = ['POSTGRES_PASSWORD', SENTINELS.POSTGRES_PASSWORD];
  for (const before of ['', 'x', 'xy', 'user:']) {
    const encoded = Buffer.from(`${before}${value}@host`).toString('base64');
    expect(leaksIn('here', `… ${encoded} …`, secrets)).toEqual([`here: ${name}`]);
  }
  expect(leaksIn('here', encodeURIComponent(`?${SECRET_KEY}`), secrets)).toEqual(['here: SECRET_KEY']);

  const dir = mkdtempSync(path.join(os.tmpdir(), 'wfops-planted-'));
  const stop = await watch(path.join(dir, 'commands'));
  const id = docker('create', '--pull', 'never', '-e', `PLANTED=${value}`, stack.sandbox.appImage, 'true');
  execFileSync('sh', ['-c', 'sleep 0.2; : "$1"', 'planted', value]);
  mkdirSync(path.join(dir, 'open'), { mode: 0o755 });
  writeFileSync(path.join(dir, 'file'), `{"error": "${value}"}`, { mode: 0o644 });
  const planted = await stop();
  docker('rm', id);
  expect(planted.processes.flatMap((args) => leaksIn('process', args, secrets))).toContain(`process: ${name}`);
  expect(leaksIn('container', JSON.stringify(planted.containers), secrets)).toContain(`container: ${name}`);
  expect(leaksBelow(dir, secrets)).toEqual([`${dir}/file: mode 644`, `${dir}/file: ${name}`, `${dir}/open: mode 755`]);
  rmSync(dir, { recursive: true });
});
