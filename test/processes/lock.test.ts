import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
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
