import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type Ended, launchScript, runScript } from '../support/run-script.ts';
import { sharedStack } from './shared.ts';
import { itInFull } from './thorough.ts';
import { pause, stepBegins } from './update/disturb.ts';
import { deepHealth } from './update/serving.ts';
import type { Stack } from './update/stack.ts';

// Runs that are killed outright, and what the next start and `runs.ts` make of them. Each test leaves the stack serving.
let stack: Stack;

const common = () => ['--dir', stack.sandbox.deployDir, '--config', stack.config];
const script = (name: string, ...args: string[]): Promise<Ended> => runScript(name, [...common(), ...args]);
const runs = (...args: string[]) => script('runs', ...args);
const goOn = ['--yes', '--lock-wait', '60s']; // what the killed run had begun may hold the lock for a moment

const released = () => (JSON.parse(stack.inApp(['cat', '/app/.whalefall-release.json'])) as { commit: string }).commit;
const has = (file: string) => stack.inApp(['sh', '-c', `test -e ${file} && echo yes || echo no`]).trim();
const serving = async () => (await deepHealth(stack)) === 'healthy, database connected, redis connected';

/** Starts a script, and kills it when a step has begun, or has begun to change something. */
async function killed(name: string, step: string, at: 'start' | 'change', ...args: string[]): Promise<void> {
  const running = launchScript(name, [...common(), '--json', '--yes', ...args]);
  let over = false;
  void running.ended.then(() => {
    over = true;
  });
  await stepBegins(running, step);
  while (at === 'change' && !over && !changing(step)) await pause(5);
  running.signal('SIGKILL');
  expect((await running.ended).exitCode).toBe(null);
}

/** Whether the newest run's journal has a change of the step. */
function changing(step: string): boolean {
  const entries = readdirSync(path.join(stack.state, 'runs'), { withFileTypes: true }); // `report --write` leaves a page there
  const directories = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const [newest = ''] = directories.sort().reverse();
  const journal = readFileSync(path.join(stack.state, 'runs', newest, 'journal'), 'utf8');
  return journal.slice(journal.indexOf(`"event":"step-start","step":"${step}"`)).includes('"event":"intent"');
}

const release = async (files: Record<string, string> = {}): Promise<string> => (await stack.release({ files })).commit;

beforeAll(async () => {
  stack = await sharedStack();
});

it('finishes a full rebuild that was killed while production was down', async () => {
  await release();
  await stack.sandbox.pull();
  // The steps between the stop and this one have nothing to do, and take no time in which a run could be killed.
  await killed('deploy-prod-all', 'start-app', 'start', '--data', 'keep');
  const list = await runs('list');
  expect(list.text).toMatch(/-deploy-prod-all +\S+ +DIED, at step start-app/);
  const shown = await runs('show');
  expect(shown).toMatchObject({
    exitCode: 0,
    text: expect.stringMatching(/What is there now[\s\S]*whalefall +(exited|created|running)/),
  });
  const resumed = await runs('resume', ...goOn);
  console.log(`${list.text}\n${shown.text}\n${resumed.text}`);
  expect(resumed.exitCode, resumed.text).toBe(0);
  stack.changeByHand();
  expect(await serving()).toBe(true);
  expect(await runs('resume')).toMatchObject({
    exitCode: 3,
    text: expect.stringContaining('There is no unfinished run'),
  });
});

itInFull('undoes a hot update that was killed while files were changing', async () => {
  const before = released();
  await release({ 'app/only_new.py': 'NEW = True\n' });
  await killed('update-prod-flask', 'switch', 'change');
  const undone = await runs('undo', ...goOn);
  console.log(undone.text);
  expect(undone.exitCode, undone.text).toBe(0);
  expect([released(), has('/app/app/only_new.py')]).toEqual([before, 'no']);
  expect(await serving()).toBe(true);
});

itInFull('finishes the release that was meant, though its branch has moved on', async () => {
  const meant = await release({ 'app/meant.py': 'MEANT = True\n' });
  await killed('update-prod-flask', 'restart', 'change');
  await release({ 'app/later.py': 'LATER = True\n' });
  const resumed = await runs('resume', ...goOn);
  expect(resumed.exitCode, resumed.text).toBe(0);
  expect([released(), has('/app/app/meant.py'), has('/app/app/later.py')]).toEqual([meant, 'yes', 'no']);
});

itInFull('a start without anybody to ask says what a killed run left, and goes on', async () => {
  await killed('update-prod-flask', 'switch', 'start');
  const next = await script('update-prod-flask', ...goOn);
  expect(next).toMatchObject({
    exitCode: 0,
    text: expect.stringMatching(/did not end: its process is gone, at step \S+[\s\S]*to undo it: .*npx tsx/),
  });
  expect(has('/app/app/later.py')).toBe('yes');
});

itInFull('follows a run whose output nobody reads any more, to its exit code', async () => {
  const commit = await release({ 'app/followed.py': '' });
  const running = launchScript('update-prod-flask', [...common(), '--yes']);
  await running.shows(/\[2\/\d\]/);
  const followed = await runs('follow');
  expect(followed).toMatchObject({ exitCode: 0, text: expect.stringContaining('Updated and proved') });
  expect((await running.ended).exitCode).toBe(0);
  expect(released()).toBe(commit);
});
