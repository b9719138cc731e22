import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ended, launchScript, runScript } from '../support/run-script.ts';
import { sharedStack } from './shared.ts';
import { itInFull, thorough } from './thorough.ts';
import { pause, stepBegins } from './update/disturb.ts';
import { docker, type Stack } from './update/stack.ts';

// The container that serves is the way back. One sandbox; each case leaves it serving, and its files as they were.
let stack: Stack;

const KEEP = ['--yes', '--data', 'keep', '--lock-wait', '180s'];
const common = () => ['--dir', stack.sandbox.deployDir, '--config', stack.config];
const deploy = (...args: string[]): Promise<Ended> => runScript('deploy-prod-all', [...common(), ...KEEP, ...args]);
const ids = () => (['postgres', 'redis', 'whalefall'] as const).map((service) => stack.container(service));
const writer = () => `${stack.sandbox.project}-writer`;
const aside = () =>
  docker('ps', '-a', '--format', '{{.Names}}', '--filter', `label=com.docker.compose.project=${stack.sandbox.project}`)
    .split('\n')
    .filter((name) => /-(next|before)-|template/.test(name));
// Not over a connection to a container that is gone.
const CLOSING = { headers: { connection: 'close' } };
const uploaded = async () => (await fetch(`${stack.sandbox.directUrl}/api/v1/upload/kept.txt`, CLOSING)).text();
const healthy = async () =>
  ((await (await fetch(`${stack.sandbox.directUrl}/api/v1/health`, CLOSING)).json()) as { success: boolean }).success;

/** A file of the deploy directory is another one meanwhile. */
async function withFile<T>(name: string, edit: (text: string) => string, use: () => Promise<T>): Promise<T> {
  const file = path.join(stack.sandbox.deployDir, name);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, edit(text));
  expect(readFileSync(file, 'utf8')).not.toBe(text);
  try {
    return await use();
  } finally {
    writeFileSync(file, text);
  }
}

const COMPOSE = 'docker-compose.prod.yml';
/** Of TEST-NET-3: no machine has it. */
const elsewhere = (target: number) => (text: string) =>
  text.replace(new RegExp(`"[\\d.]+:(\\d+:${target})"`), '"203.0.113.9:$1"');

async function expectTheSame(before: readonly string[]): Promise<void> {
  expect(ids()).toEqual(before);
  expect(aside()).toEqual([]);
  expect(await healthy()).toBe(true);
  expect(await uploaded()).toContain('kept');
}

beforeAll(async () => {
  stack = await sharedStack();
});
afterAll(() => {
  if (stack) spawnSync('docker', ['rm', '-f', '-v', writer()], { stdio: 'ignore' });
});

it('a compose file that can not run: the very containers that served serve again, and a plain `up -d` leaves them alone', async () => {
  const before = ids();
  const ended = await withFile(COMPOSE, elsewhere(80), () => deploy());
  // Found before anything stops, or, where that is not looked for, undone.
  expect([1, 3], ended.text).toContain(ended.exitCode);
  await expectTheSame(before);
  await stack.sandbox.compose('up', '-d');
  await expectTheSame(before);
});

itInFull('the same for a store', async () => {
  const before = ids();
  const ended = await withFile(COMPOSE, elsewhere(6379), () => deploy());
  expect([1, 3], ended.text).toContain(ended.exitCode);
  await expectTheSame(before);
});

itInFull('a changed .env with which nothing starts: the former release serves with the one that it had', async () => {
  const before = ids();
  const env = readFileSync(path.join(stack.sandbox.deployDir, '.env'), 'utf8');
  const release = await stack.release({ never_healthy: true });
  await stack.sandbox.pull();
  const other = (text: string) => text.replace(/^POSTGRES_PASSWORD=.*$/m, 'POSTGRES_PASSWORD=another-password-4711');
  const ended = await withFile('.env', other, () => deploy());
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toContain('.env is again the one');
  expect(readFileSync(path.join(stack.sandbox.deployDir, '.env'), 'utf8')).toBe(env);
  expect(stack.current.commit).not.toBe(release.commit);
  await expectTheSame(before);
});

itInFull('killed between the stop and the start: the next start ends well, with userdata', async () => {
  await stack.release();
  await stack.sandbox.pull();
  for (const [step, after] of [
    ['stop', 2_000],
    ['start-app', 0],
    ['start-app', 700],
    ['prove', 500],
  ] as const) {
    const running = launchScript('deploy-prod-all', [...common(), '--json', ...KEEP]);
    await stepBegins(running, step);
    await pause(after);
    running.signal('SIGKILL');
    await running.ended;
    const next = await deploy();
    expect(next.exitCode, next.text).toBe(0);
    expect(aside()).toEqual([]);
    expect(await uploaded()).toContain('kept');
  }
});

itInFull('rolls back to the former release over a compose file that has changed since', async () => {
  await stack.release();
  await stack.sandbox.pull();
  expect((await deploy()).exitCode).toBe(0);
  const ended = await withFile(COMPOSE, elsewhere(80), () =>
    runScript('rollback-prod', [...common(), 'previous', '--way', 'image', '--yes']),
  );
  expect(ended.exitCode, ended.text).toBe(0);
  expect(await healthy()).toBe(true);
  expect(await uploaded()).toContain('kept');
});

/** From here on the application has two networks, a volume in userdata, and starts with the machine whoever had stopped it. */
const MORE: readonly (readonly [string, string])[] = [
  ['volumes:\n  whalefall_postgres_data', 'volumes:\n  exports:\n  whalefall_postgres_data'],
  ['networks:\n  whalefall_prod_network:\n', 'networks:\n  second:\n  whalefall_prod_network:\n'],
  ['restart: unless-stopped\n    env_file:', 'restart: always\n    env_file:'],
  ['- ./.env:/app/.env:ro\n', '- ./.env:/app/.env:ro\n      - exports:/app/userdata/exports\n'],
  [
    'networks:\n      - whalefall_prod_network\n    depends_on:',
    'networks:\n      whalefall_prod_network:\n      second:\n        aliases: [pages]\n    depends_on:',
  ],
];
const inspect = (format: string, id: string) => docker('inspect', '-f', format, id);
const POLICY = '{{.HostConfig.RestartPolicy.Name}}';

itInFull(
  'networks, restart policy and a volume in userdata are as before when a release is no good, and after a kill',
  async () => {
    const text = readFileSync(path.join(stack.sandbox.deployDir, COMPOSE), 'utf8');
    const files = { [COMPOSE]: MORE.reduce((now, [from, to]) => now.replace(from, to), text) };
    await stack.release({ files });
    await stack.sandbox.pull();
    const first = await deploy();
    expect(first.exitCode, first.text).toBe(0);
    const exports = `${stack.sandbox.project}_exports`;
    const [, redis = ''] = ids();
    const loop = 'i=0; while :; do i=$((i+1)); echo $i >> /u/lines; sleep 0.1; done';
    docker(
      'run',
      '-d',
      '--name',
      writer(),
      '-v',
      `${exports}:/u`,
      '--entrypoint',
      'sh',
      inspect('{{.Image}}', redis),
      '-c',
      loop,
    );

    const [, , app = ''] = ids();
    const seen = () => [
      inspect(POLICY, app),
      inspect('{{range $n, $e := .NetworkSettings.Networks}}{{$n}} {{end}}', app),
      inspect(`{{json (index .NetworkSettings.Networks "${stack.sandbox.project}_second").Aliases}}`, app),
    ];
    const before = seen();
    expect(before.slice(0, 2)).toEqual(['always', expect.stringMatching(/_second \S+_whalefall_prod_network/)]);
    expect(before[2]).toContain('pages');
    await stack.release({ never_healthy: true, files });
    await stack.sandbox.pull();
    stack.patience(15);
    const failed = await deploy().finally(() => stack.patience());
    expect(failed.exitCode, failed.text).toBe(1);
    expect(ids()[2]).toBe(app);
    expect(seen()).toEqual(before);
    await expectTheSame([...ids()]);

    if (thorough) await killedOnTheWay(app, files);

    docker('stop', '-t', '0', writer());
    const lines = stack.inApp(['cat', '/app/userdata/exports/lines']).trim().split('\n');
    docker('rm', '-f', '-v', writer());
    expect(lines).toEqual(lines.map((_, at) => String(at + 1)));
    await expectTheSame([...ids()]);
  },
);

/** Killed when the new container has the name, and went on with by the next start. */
async function killedOnTheWay(app: string, files: Record<string, string>): Promise<void> {
  await stack.release({ files });
  await stack.sandbox.pull();
  const running = launchScript('deploy-prod-all', [...common(), '--json', ...KEEP]);
  await stepBegins(running, 'start-app');
  const proper = `${stack.sandbox.project}_app_prod`;
  while (inspect('{{.Id}} {{.Name}}', app).endsWith(`/${proper}`) || !named(proper)) await pause(50);
  running.signal('SIGKILL');
  await running.ended;
  expect(inspect(POLICY, app)).toBe('no');
  const next = await deploy();
  expect(next.exitCode, next.text).toBe(0);
  expect(inspect(POLICY, ids()[2] ?? '')).toBe('always');
}

const named = (name: string): boolean => docker('ps', '-a', '--format', '{{.Names}}').split('\n').includes(name);

itInFull(
  'a wreck of which nothing at all can be read: only who types that userdata is lost has it rebuilt',
  async () => {
    const [, , wreck = ''] = ids();
    docker('stop', '-t', '0', wreck);
    const layer = inspect('{{.GraphDriver.Data.UpperDir}}', wreck);
    renameSync(layer, `${layer}.gone`);
    expect(existsSync(layer)).toBe(false);
    const declined = await deploy();
    expect(declined.exitCode, declined.text).toBe(4);
    expect(declined.text).toMatch(/will be lost[\s\S]*uploads[\s\S]*no such file or directory/);
    const ended = await deploy('--confirm', 'LOSE USERDATA');
    expect(ended.exitCode, ended.text).toBe(0);
    expect(await healthy()).toBe(true);
    expect(aside()).toEqual([]);
  },
);
