import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { thisProcess } from '../../lib/core/world.ts';
import { projectLock } from '../../lib/runs/main/lock-file.ts';
import { whoHasOpen } from '../../lib/tools/files/open-files.ts';
import { deployDir, launch, letGo, until } from './launch.ts';

const AT_ONCE = 20;

it(`lets one of ${AT_ONCE} that start at once work; the others end with 5 and say who works`, async () => {
  const dir = deployDir();
  const all = Array.from({ length: AT_ONCE }, () => launch('stub', dir, ['--hold', '--interruptible']));
  let over = 0;
  for (const { ended } of all) void ended.then(() => (over += 1));
  await until(() => over === AT_ONCE - 1, `${AT_ONCE - 1} have ended`);
  const working = all.find(({ child }) => child.exitCode === null);
  working?.child.kill('SIGTERM');
  const ended = await Promise.all(all.map((a) => a.ended));
  expect(ended.map((e) => e.exitCode).filter((code) => code === 5)).toHaveLength(AT_ONCE - 1);
  for (const { exitCode, text } of ended) {
    if (exitCode === 5)
      expect(text).toMatch(new RegExp(`holds this deploy directory: stub, .+@.+, pid ${working?.child.pid}, `));
  }
  expect(readdirSync(path.join(dir, '.whalefall-ops', 'runs'))).toHaveLength(1);
});

it('shows who holds it, and at which step, to one that waits for its turn', async () => {
  const dir = deployDir();
  const first = launch('stub', dir, ['--hold', '--interruptible']);
  await first.shows(/\[2\/2\] work/);
  const second = launch('stub', dir, ['--lock-wait', '60s']);
  await second.shows(new RegExp(`Waiting for another run to end: stub, .*pid ${first.child.pid}, .*at step work`));
  first.child.kill('SIGTERM');
  expect(await second.ended).toMatchObject({ exitCode: 0 });
  expect(await first.ended).toMatchObject({ exitCode: 143 });
});

it('gives way to what serves on the same machine', async () => {
  const { child, shows } = launch('stub', deployDir(), ['--hold']);
  await shows(/\[2\/2\] work/);
  expect(os.getPriority(child.pid)).toBe(os.constants.priority.PRIORITY_BELOW_NORMAL);
});

it('stays with a command that outlives its run, and says so', async () => {
  const dir = deployDir();
  const first = launch('stub', dir, ['--hold']);
  await until(() => existsSync(path.join(dir, 'work.on')), 'the command has begun');
  first.child.kill('SIGKILL');
  await first.ended;
  const second = await launch('stub', dir).ended;
  expect(second).toMatchObject({
    exitCode: 5,
    text: expect.stringContaining('its process is gone, and a command that it began goes on'),
  });
  letGo(dir, 'work');
  expect(await launch('stub', dir, ['--lock-wait', '60s']).ended).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(readFileSync(path.join(dir, '.whalefall-ops', 'lock'), 'utf8'))).toMatchObject({
    script: 'stub',
    step: 'work',
  });
});

describe('the lock of a compose project', () => {
  const NOBODY = 65_534;

  /** A project of its own, and where its lock is. */
  function project() {
    const name = `test-${process.pid}-${Math.random().toString(36).slice(2)}`;
    const { file } = projectLock(thisProcess().locks, 'an engine', name);
    onTestFinished(() => rmSync(file, { force: true }));
    return { file, ask: ['--project', name] };
  }

  it('keeps out a run from another directory, and names the holder and the directory', async () => {
    const { ask } = project();
    const [here, there] = [deployDir(), deployDir()];
    const first = launch('stub', here, [...ask, '--hold', '--interruptible']);
    await first.shows(/\[2\/2\] work/);
    const second = await launch('stub', there, ask).ended;
    expect(second.exitCode, second.text).toBe(5);
    expect(second.text).toContain('another deploy directory holds compose project');
    expect(second.text).toMatch(new RegExp(`: stub, .+@.+, pid ${first.child.pid}, .+, ${here}, at step work`));
    const third = launch('stub', there, [...ask, '--lock-wait', '60s']);
    await third.shows(/Waiting for another run to end: stub/);
    first.child.kill('SIGTERM');
    expect(await third.ended).toMatchObject({ exitCode: 0 });
  });

  it('keeps the project, too, with a command that outlives its run', async () => {
    const { file, ask } = project();
    const dir = deployDir();
    const first = launch('stub', dir, [...ask, '--hold']);
    await until(() => existsSync(path.join(dir, 'work.on')), 'the command has begun');
    await until(() => whoHasOpen(file).length > 1, 'the command has the lock, too');
    first.child.kill('SIGKILL');
    await first.ended;
    const left = () => whoHasOpen(file);
    // The command waits by one short sleep after the other: one that was seen may have ended.
    const endAll = () => {
      for (const pid of left()) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        }
      }
    };
    onTestFinished(endAll);
    const second = await launch('stub', deployDir(), ask).ended;
    expect(second).toMatchObject({ exitCode: 5, text: expect.stringContaining('its process is gone') });
    await until(() => {
      endAll();
      return left().length === 0;
    }, 'nobody has the lock');
    expect(await launch('stub', deployDir(), ask).ended).toMatchObject({ exitCode: 0 });
  });

  it('is not a link or a directory that somebody put there', async () => {
    const { file, ask } = project();
    const dir = deployDir();
    symlinkSync(path.join(dir, 'made'), file);
    const ended = await launch('stub', dir, ask).ended;
    expect(ended).toMatchObject({ exitCode: 3, text: expect.stringContaining(file) });
    expect(readdirSync(dir)).not.toContain('made');
  });

  it.skipIf(process.getuid?.() !== 0)('is every user’s, whoever came first and under whatever umask', async () => {
    const { file, ask } = project();
    const [ours, theirs] = [deployDir(), deployDir()];
    chownSync(theirs, NOBODY, NOBODY);
    const usual = process.umask(0o077);
    onTestFinished(() => void process.umask(usual));
    const first = launch('stub', theirs, [...ask, '--hold', '--interruptible'], NOBODY);
    await first.shows(/\[2\/2\] work/);
    expect(statSync(file)).toMatchObject({ uid: NOBODY });
    expect(statSync(file).mode & 0o777).toBe(0o666);
    const root = await launch('stub', ours, ask).ended;
    expect(root).toMatchObject({ exitCode: 5, text: expect.stringContaining(`pid ${first.child.pid}`) });
    first.child.kill('SIGTERM');
    await first.ended;
    // And the other way round, also where the file can't be written to.
    chownSync(file, 0, 0);
    chmodSync(file, 0o644);
    const second = launch('stub', ours, [...ask, '--hold', '--interruptible']);
    await second.shows(/\[2\/2\] work/);
    const nobody = await launch('stub', theirs, ask, NOBODY).ended;
    expect(nobody).toMatchObject({ exitCode: 5, text: expect.stringContaining(`pid ${second.child.pid}`) });
    expect(nobody.text).not.toContain('its process is gone');
    second.child.kill('SIGTERM');
    await second.ended;
    expect(await launch('stub', theirs, ask, NOBODY).ended).toMatchObject({ exitCode: 0 });
  });
});
