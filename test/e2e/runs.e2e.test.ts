import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFreshSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { type Ended, launchScript, runScript } from '../support/run-script.ts';

// Runs that are killed outright, and what the next start and `runs.ts` make of them. Each test leaves the stack serving.
const root = mkdtempSync(path.join(os.tmpdir(), 'wfops-runs-'));
let sandbox: Sandbox;

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const common = () => ['--dir', sandbox.deployDir, '--config', path.join(root, 'target.json')];
const script = (name: string, ...args: string[]): Promise<Ended> => runScript(name, [...common(), ...args]);
const runs = (...args: string[]) => script('runs', ...args);
const goOn = ['--yes', '--lock-wait', '60s']; // what the killed run had begun may hold the lock for a moment

const app = () =>
  docker(
    'ps',
    '-aq',
    '--filter',
    `label=com.docker.compose.project=${sandbox.project}`,
    '--filter',
    'label=com.docker.compose.service=whalefall',
    '--filter',
    'label=com.docker.compose.oneoff=False',
  );
const released = () =>
  (JSON.parse(docker('exec', app(), 'cat', '/app/.whalefall-release.json')) as { commit: string }).commit;
const has = (file: string) => docker('exec', app(), 'sh', '-c', `test -e ${file} && echo yes || echo no`);

async function serving(): Promise<boolean> {
  const answer = await fetch(`${sandbox.directUrl}/api/v1/health`, { headers: { connection: 'close' } }).catch(
    () => undefined,
  );
  const health = (await answer?.json()) as { data?: { status?: string } } | undefined;
  return health?.data?.status === 'healthy';
}

/** Starts a script, and kills it so many milliseconds after a step has begun. */
async function killed(name: string, step: string, afterMs: number, ...args: string[]): Promise<void> {
  const running = launchScript(name, [...common(), '--json', '--yes', ...args]);
  await running.shows(new RegExp(`"event":"step","id":"${step}"`));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  running.signal('SIGKILL');
  expect((await running.ended).exitCode).toBe(null);
}

async function release(files: Record<string, string> = {}): Promise<string> {
  const file = path.join(sandbox.deployDir, 'docker-compose.prod.yml');
  const compose = readFileSync(file, 'utf8').replace('interval: 30s', 'interval: 2s');
  return sandbox.release({ files: { 'docker-compose.prod.yml': compose, ...files } });
}

beforeAll(async () => {
  const ports = { http: 28480, direct: 28481, postgres: 28482, redis: 28483 };
  sandbox = await createFreshSandbox({ name: 'wfops-runs', root, ports });
  writeFileSync(path.join(root, 'target.json'), JSON.stringify({ bootSeconds: 15 }));
  sandbox.writeEnv();
  await release();
  await sandbox.pull();
  const first = await script('deploy-prod-all', '--yes');
  expect(first.exitCode, first.text).toBe(0);
});

afterAll(async () => {
  await sandbox?.down();
  rmSync(root, { recursive: true, force: true });
});

it('finishes a full rebuild that was killed while production was down', async () => {
  await killed('deploy-prod-all', 'stop', 1500, '--data', 'keep');
  const list = await runs('list');
  expect(list.text).toMatch(/-deploy-prod-all +\S+ +DIED, at step (stop|final-backup|start-stores)/);
  const shown = await runs('show');
  expect(shown).toMatchObject({
    exitCode: 0,
    text: expect.stringMatching(/What is there now[\s\S]*whalefall +exited/),
  });
  const resumed = await runs('resume', ...goOn);
  console.log(`${list.text}\n${shown.text}\n${resumed.text}`);
  expect(resumed.exitCode, resumed.text).toBe(0);
  expect(await serving()).toBe(true);
  expect(await runs('resume')).toMatchObject({
    exitCode: 3,
    text: expect.stringContaining('There is no unfinished run'),
  });
});

it('undoes a hot update that was killed while files were changing', async () => {
  const before = released();
  await release({ 'app/only_new.py': 'NEW = True\n' });
  await killed('update-prod-flask', 'switch', 100);
  const undone = await runs('undo', ...goOn);
  console.log(undone.text);
  expect(undone.exitCode, undone.text).toBe(0);
  expect([released(), has('/app/app/only_new.py')]).toEqual([before, 'no']);
  expect(await serving()).toBe(true);
});

it('finishes the release that was meant, though its branch has moved on', async () => {
  const meant = await release({ 'app/meant.py': 'MEANT = True\n' });
  await killed('update-prod-flask', 'restart', 300);
  await release({ 'app/later.py': 'LATER = True\n' });
  const resumed = await runs('resume', ...goOn);
  expect(resumed.exitCode, resumed.text).toBe(0);
  expect([released(), has('/app/app/meant.py'), has('/app/app/later.py')]).toEqual([meant, 'yes', 'no']);
});

it('a start without anybody to ask says what a killed run left, and goes on', async () => {
  await killed('update-prod-flask', 'switch', 50);
  const next = await script('update-prod-flask', ...goOn);
  expect(next).toMatchObject({
    exitCode: 0,
    text: expect.stringMatching(/did not end: its process is gone, at step \S+[\s\S]*to undo it: .*npx tsx/),
  });
  expect(has('/app/app/later.py')).toBe('yes');
});

it('follows a run whose output nobody reads any more, to its exit code', async () => {
  const commit = await release({ 'app/followed.py': '' });
  const running = launchScript('update-prod-flask', [...common(), '--yes']);
  await running.shows(/\[2\/\d\]/);
  const followed = await runs('follow');
  expect(followed).toMatchObject({ exitCode: 0, text: expect.stringContaining('Updated and proved') });
  expect((await running.ended).exitCode).toBe(0);
  expect(released()).toBe(commit);
});
