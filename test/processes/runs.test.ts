import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { deployDir, inTerminal, isFree, type Launched, launch, letGo, ofRun, until, works } from './launch.ts';

const made = (dir: string) => existsSync(path.join(dir, 'made'));
const runsIn = (dir: string) => readdirSync(path.join(dir, '.whalefall-ops', 'runs'));
const runs = (dir: string, ...args: string[]) => launch('runs', dir, args).ended;

/** A run that is killed outright while its second step works. */
async function killedRun(dir: string): Promise<void> {
  const run = launch('stub', dir, ['--seconds', '1']);
  await until(() => ofRun(dir, 'journal').includes('sleep 1'), 'the command has begun');
  run.child.kill('SIGKILL');
  await run.ended;
  await until(() => isFree(dir), 'what it had begun has ended');
}

/** Goes down a list of choices, one by one as each is shown to be the present one, and takes the last. */
async function choose(terminal: Launched, ...shown: readonly RegExp[]): Promise<void> {
  for (const present of shown) {
    terminal.type('\x1b[B');
    await terminal.shows(present);
  }
  terminal.type('\r');
}

it('lists and shows a run that died, without making one or taking the lock', async () => {
  const dir = deployDir();
  await killedRun(dir);
  const running = launch('stub', dir, ['--hold']);
  await running.shows(/\[2\/2\] work/);
  const list = await runs(dir, 'list');
  expect(list).toMatchObject({
    exitCode: 0,
    text: expect.stringMatching(/-stub +\S+ +running, at step work\n.*-stub +\S+ +DIED, at step work/),
  });
  const [died = ''] = runsIn(dir).sort();
  const shown = await runs(dir, 'show', died);
  expect(shown.exitCode).toBe(0);
  expect(shown.text).toMatch(/make +\d\d:\d\d:\d\d; done \d+ ms\n +work +\d\d:\d\d:\d\d\n/);
  expect(shown.text).toMatch(/exit 0, \d+ ms +touch .*\n.* NO RESULT +sleep 1/);
  letGo(dir, 'work');
  expect((await running.ended).exitCode).toBe(0);
  expect(runsIn(dir)).toHaveLength(2);
});

it('follows a run whose terminal was closed, and ends with its exit code', async () => {
  const dir = deployDir();
  const run = inTerminal('stub', dir, ['--hold', '--interruptible']);
  await run.shows(/\[2\/2\] work/);
  await works(dir);
  run.child.kill('SIGKILL');
  const following = launch('runs', dir, ['follow']);
  await following.shows(/\[1\/2\] make[\s\S]*\[2\/2\] work/);
  const { pid } = JSON.parse(ofRun(dir, 'journal').split('\n')[0] ?? '{}') as { pid: number };
  process.kill(pid, 'SIGTERM');
  expect(await following.ended).toMatchObject({ exitCode: 143, text: expect.stringContaining('as before, proved') });
});

it('resume runs the script again with what its options meant', async () => {
  const dir = deployDir();
  await killedRun(dir);
  const resumed = await runs(dir, 'resume');
  expect(resumed.exitCode).toBe(0);
  expect(ofRun(dir, 'journal')).toContain('"args":["--seconds=0"]'); // the last of both counts
  expect(made(dir)).toBe(true);
  expect(await runs(dir, 'resume')).toMatchObject({ exitCode: 3, text: expect.stringContaining('no unfinished run') });
});

it('undo runs the way back that the journal tells', async () => {
  const dir = deployDir();
  await killedRun(dir);
  expect(made(dir)).toBe(true);
  expect(await runs(dir, 'undo')).toMatchObject({
    exitCode: 0,
    text: expect.stringMatching(/to undo it: .*npx tsx scripts\/stub\.ts --back/),
  });
  expect(made(dir)).toBe(false);
});

it('asks in a terminal before anything else is done: undo', async () => {
  const dir = deployDir();
  await killedRun(dir);
  const next = inTerminal('stub', dir);
  await next.shows(/What should be done about/);
  await choose(next, /❯ .*undo it/);
  expect((await next.ended).exitCode).toBe(0);
  expect(made(dir)).toBe(false);
  expect(ofRun(dir, 'journal')).toContain('"args":["--back"]');
});

it('leaves a run as it is when told so, and does not ask again', async () => {
  const dir = deployDir();
  await killedRun(dir);
  const next = inTerminal('stub', dir, ['--seconds', '0']);
  await next.shows(/What should be done about/);
  await choose(next, /❯ .*undo it/, /❯ .*leave it/);
  expect((await next.ended).exitCode).toBe(0);
  const [died = ''] = runsIn(dir).sort();
  expect(existsSync(path.join(dir, '.whalefall-ops', 'runs', died, 'left'))).toBe(true);
});

it('does nothing without an answer', async () => {
  const dir = deployDir();
  await killedRun(dir);
  const next = inTerminal('stub', dir);
  await next.shows(/What should be done about/);
  next.type('\x03');
  expect((await next.ended).exitCode).toBe(4);
  expect(runsIn(dir)).toHaveLength(1);
});

it('a run that died after the clock was set back is not hidden by a success before it', async () => {
  const dir = deployDir();
  expect((await launch('stub', dir, ['--seconds', '0']).ended).exitCode).toBe(0);
  setBack(dir);
  await killedRun(dir);
  const list = await runs(dir, 'list');
  expect(list.text).toMatch(/-stub +\S+ +DIED, at step work\n.*-stub /);
  const next = await launch('stub', dir, ['--seconds', '0']).ended;
  expect(next).toMatchObject({ exitCode: 0, text: expect.stringContaining('did not end: its process is gone') });
  // That one is later than the dead one, which is made good by it.
  expect(await runs(dir, 'resume')).toMatchObject({ exitCode: 3, text: expect.stringContaining('no unfinished run') });
});

/** An hour back, for every script that the test starts from here on: time that is written down, not time that passes. */
function setBack(dir: string): void {
  const file = path.join(dir, 'set-back.mjs');
  writeFileSync(file, 'const now = Date.now; Date.now = () => now() - 3_600_000;');
  vi.stubEnv('NODE_OPTIONS', `--import=file://${file}`);
  onTestFinished(() => void vi.unstubAllEnvs());
}
