import { expect, it, vi } from 'vitest';
import { type Deployment, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { release } from './model/release.ts';
import { appOf, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

// With the containerd image store an image is gone with its last name, although a container runs from it.

const KEEP = ['--yes', '--data', 'keep'];
const BAKE = ['--yes', '--soak', '2s', '--bake'];

async function forgetful(made = updatable()): Promise<Deployment> {
  const d = await made;
  d.machine.engine.losesUnnamed = true;
  return d;
}

/** Names of what the application runs from. */
const names = (d: Deployment) => [...appOf(d).image.tags];

it('rebuilds after an update with --bake, which has taken the name of what runs', async () => {
  const d = await forgetful();
  expect(await updateAndCheck(d, BAKE)).toMatchObject({ exitCode: 0 });
  expect(names(d)).toEqual(['whalefall:running']);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).not.toContain('no image any more');
});

it('keeps a name on what runs through a build by hand', async () => {
  const d = await forgetful(production());
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  d.machine.engine.addImage('app', 'whalefall:prod', { release: release('by hand') });
  expect(names(d)).toEqual(['whalefall:running']);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(names(d)).toContain('whalefall:running');
});

it('says what runs without an image, and rebuilds all the same', async () => {
  const d = await forgetful();
  // By hand, before anything of ours has named it.
  const before = names(d);
  for (const tag of before) d.machine.engine.addImage('app', tag, { release: release('by hand') });
  const planned = await runAndCheck(d, [...KEEP, '--plan']);
  expect(planned.text).toContain('The engine has no image any more for what runs');
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
});
