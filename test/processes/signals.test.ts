import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { asOperatorsDo, deployDir, inTerminal, isFree, launch, letGo, ofRun, pause, until, works } from './launch.ts';

const CTRL_C = '\x03';
const made = (dir: string) => existsSync(path.join(dir, 'made'));
const isOver = (dir: string) => ofRun(dir, 'journal').includes('"event":"run-end"');

/** The process group of a run. */
function groupOf(dir: string): number {
  const { pid } = JSON.parse(ofRun(dir, 'journal').split('\n')[0] ?? '{}') as { pid: number };
  return Number(/^\d+ \(.*\) \S \d+ (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
}

it('Ctrl-C lets the command under way end, undoes, proves, and ends with 130', async () => {
  const dir = deployDir();
  const run = inTerminal('stub', dir, ['--hold']);
  await run.shows(/\[2\/2\] work/);
  await works(dir);
  run.type(CTRL_C);
  await run.shows(/SIGINT: stopping after the command under way, then undoing/);
  expect(ofRun(dir, 'journal')).not.toContain('"event":"undo-start"'); // the command is not cut short
  letGo(dir, 'work');
  const { exitCode, text } = await run.ended;
  expect(exitCode).toBe(130);
  expect(text).toContain('as before, proved');
  expect(made(dir)).toBe(false);
  expect(ofRun(dir, 'journal')).toMatch(/"event":"undo-done","step":"make"[\s\S]*"event":"run-end","exitCode":130/);
});

it.each(['Ctrl-C', 'SIGTERM'] as const)(
  'behind npx tsx, %s ends no run that was too busy to answer',
  async (signal) => {
    const dir = deployDir();
    const run = asOperatorsDo('stub', dir, ['--hold']);
    await run.shows(/\[2\/2\] work/);
    await works(dir);
    writeFileSync(path.join(dir, 'deaf'), '');
    await until(() => existsSync(path.join(dir, 'deaf.on')), 'the run hears nothing');
    if (signal === 'Ctrl-C') run.type(CTRL_C);
    else process.kill(-groupOf(dir), signal); // as systemd and `timeout` do
    await pause(1000); // tsx would have killed it after 60 ms
    rmSync(path.join(dir, 'deaf'));
    await until(() => /SIG(INT|TERM): stopping after/.test(ofRun(dir, 'log')), 'it has heard');
    letGo(dir, 'work');
    await until(() => isOver(dir), 'it has ended'); // npx itself may have ended before, and its terminal with it
    expect(ofRun(dir, 'log')).toContain('as before, proved');
    expect(made(dir)).toBe(false);
  },
);

it('SIGTERM does the same, with 143', async () => {
  const dir = deployDir();
  const run = launch('stub', dir, ['--hold']);
  await run.shows(/\[2\/2\] work/);
  await works(dir);
  run.child.kill('SIGTERM');
  await run.shows(/SIGTERM: stopping after/);
  letGo(dir, 'work');
  expect(await run.ended).toMatchObject({ exitCode: 143, text: expect.stringContaining('as before, proved') });
  expect(made(dir)).toBe(false);
});

it('a second Ctrl-C says what it would leave, and the undoing goes on', async () => {
  const dir = deployDir();
  const run = inTerminal('stub', dir, ['--hold-undo', '--hold']);
  await run.shows(/\[2\/2\] work/);
  await works(dir);
  run.type(CTRL_C);
  await run.shows(/SIGINT: stopping after/);
  letGo(dir, 'work');
  await run.shows(/failed work/);
  await pause(1500);
  run.type(CTRL_C);
  await run.shows(/Step make is being undone\. Once more ends at once .* would go on by itself: sh -c /);
  letGo(dir, 'undo');
  expect(await run.ended).toMatchObject({ exitCode: 130 });
  expect(made(dir)).toBe(false);
});

it('a third ends at once; what had begun goes on under the lock, and the next start says where things stand', async () => {
  const dir = deployDir();
  const run = inTerminal('stub', dir, ['--hold-undo', '--hold']);
  await run.shows(/\[2\/2\] work/);
  await works(dir);
  run.type(CTRL_C);
  await run.shows(/SIGINT: stopping after/);
  letGo(dir, 'work');
  await until(() => existsSync(path.join(dir, 'undo.on')), 'the undoing has begun');
  await pause(1200);
  run.type(CTRL_C);
  await run.shows(/Once more ends at once/);
  await pause(1200);
  run.type(CTRL_C);
  expect(await run.ended).toMatchObject({ exitCode: 130 });
  expect(made(dir)).toBe(true);
  expect((await launch('stub', dir).ended).exitCode).toBe(5);
  letGo(dir, 'undo');
  const next = await launch('stub', dir, ['--lock-wait', '60s']).ended;
  expect(next.exitCode).toBe(0);
  expect(next.text).toMatch(
    /did not end: its process is gone, undoing step make\.\s+had begun, and nobody knows whether it took effect: sh -c /,
  );
});

it('a closed terminal does not stop a run: it goes on into its log', async () => {
  const dir = deployDir();
  const run = inTerminal('stub', dir, ['--hold']);
  await run.shows(/\[2\/2\] work/);
  await works(dir);
  run.child.kill('SIGKILL'); // the terminal's other end is gone: SIGHUP, then EIO
  await run.ended;
  expect(isOver(dir)).toBe(false);
  letGo(dir, 'work');
  await until(() => isOver(dir), 'the run has ended');
  await until(() => isFree(dir), 'its process has, too');
  expect(ofRun(dir, 'journal')).toContain('"event":"run-end","exitCode":0');
  expect(ofRun(dir, 'log')).toMatch(/\[2\/2\] work\n\s+done/);
});

it('a reader of its output that goes away does not stop a run', async () => {
  const dir = deployDir();
  const run = launch('stub', dir, ['--seconds', '2']);
  await run.shows(/\[1\/2\] make/);
  run.child.stdout?.destroy(); // EPIPE
  run.child.stderr?.destroy();
  expect((await run.ended).exitCode).toBe(0);
  expect(isOver(dir)).toBe(true);
});

it('SIGTERM ends a question, and nothing was changed', async () => {
  const dir = deployDir();
  const run = inTerminal('stub', dir, ['--ask']);
  await run.shows(/phrase\?/);
  const { pid } = JSON.parse(ofRun(dir, 'journal').split('\n')[0] ?? '{}') as { pid: number };
  process.kill(pid, 'SIGTERM');
  expect((await run.ended).exitCode).toBe(143);
  expect(ofRun(dir, 'journal')).not.toContain('"event":"intent"');
});

it.each([
  ['on', ['--ask'], /phrase\?/],
  ['before', ['--ask-after', '2'], /looking/],
])('a terminal that closes %s a question ends the run, and nothing was changed', async (_when, args, seen) => {
  const dir = deployDir();
  const run = inTerminal('stub', dir, args);
  await run.shows(seen);
  run.child.kill('SIGKILL');
  await until(() => isOver(dir), 'the run has ended');
  expect(ofRun(dir, 'journal')).toContain('"event":"run-end","exitCode":4');
  expect(ofRun(dir, 'journal')).not.toContain('"event":"intent"');
});
