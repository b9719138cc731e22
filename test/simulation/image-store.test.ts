import { expect, it, vi } from 'vitest';
import { readReleases } from '../../lib/domain/ledger/releases.ts';
import type { Deployment } from './model/deployment.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { appOf, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

// The containerd image store, which engine 29 has by default: what has no name any more has no content.
const KEEP = ['--yes', '--data', 'keep'];
const UPDATE = ['--yes', '--soak', '2s'];

async function onContainerd(): Promise<Deployment> {
  const d = await updatable();
  d.machine.engine.imageStore = 'containerd';
  return d;
}

const previousOf = (d: Deployment) => readReleases({ backups: `${d.state}/backups` }).at(-1)?.previousImage;

it('the image that --bake builds does not take the content of the one that runs away from it: the next rebuild keeps it to go back to', async () => {
  const d = await onContainerd();
  expect(await updateAndCheck(d, [...UPDATE, '--bake'])).toMatchObject({ exitCode: 0 });
  expect(d.machine.engine.images).toContain(appOf(d).image);
  const rebuilt = await d.run(KEEP);
  expect(rebuilt.exitCode, rebuilt.text).toBe(0);
  expect(d.machine.engine.findImage(previousOf(d) ?? '')).toBeDefined();
});

it('neither does a build by hand, after a release of ours', async () => {
  const d = await onContainerd();
  expect(await updateAndCheck(d, UPDATE)).toMatchObject({ exitCode: 0 });
  expect(await d.run(KEEP)).toMatchObject({ exitCode: 0 });
  const { image } = appOf(d);
  d.machine.engine.addImage('app', 'whalefall:prod');
  expect(d.machine.engine.images).toContain(image);
});

it('rebuilds although the image that runs is gone, and says what that means', async () => {
  const d = await onContainerd();
  d.machine.engine.addImage('app', 'whalefall:prod');
  expect(d.machine.engine.images).not.toContain(appOf(d).image);
  const rebuilt = await d.run(KEEP);
  expect(rebuilt.exitCode, rebuilt.text).toBe(0);
  expect(rebuilt.text).toContain('The image of the running container is gone');
  expect(previousOf(d)).toBeUndefined();
});
