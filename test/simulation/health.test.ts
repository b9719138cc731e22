import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { release } from './model/release.ts';
import { appOf, UPDATE, updatable } from './model/updatable.ts';

const KEEP = ['--yes', '--data', 'keep'];

vi.setConfig({ testTimeout: 30_000 });

it('does not wait for the engine to look at an application that is healthy', async () => {
  const d = await production();
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('the engine, which still says starting, looks again within 30 s');
});

it('deploys an application that boots for longer than the engine has patience, and tells what the engine still says', async () => {
  const d = await production();
  writeFileSync(path.join(d.root, 'target.json'), JSON.stringify({ bootSeconds: 300 }));
  d.machine.release = release('f', { bootMs: 160_000 });
  const ended = await runAndCheck(d, KEEP);
  expect(ended.text).toContain('the engine, which still says unhealthy, looks again within 30 s');
  expect(ended.exitCode).toBe(0);
});

it('does not leave an application in place whose own health check fails, though it serves', async () => {
  const d = await production();
  const running = d.container('whalefall')?.image.id;
  d.editCompose((file) => {
    file.services.whalefall = {
      ...file.services.whalefall,
      healthcheck: { test: ['CMD', 'curl', '-f', 'http://localhost/nowhere'] },
    };
  });
  d.machine.release = release('f');
  const ended = await runAndCheck(d, KEEP);
  expect(ended.text).toMatch(/Not proved: the engine says \S+ is \w+; docker exec \S+ curl .*returned error: 404/s);
  expect(ended.exitCode).toBe(1);
  expect(d.container('whalefall')?.image.id).toBe(running);
});

it('updates an application that was unhealthy when the engine looked, and no longer is', async () => {
  const d = await updatable();
  const looks = appOf(d).app?.looks;
  if (looks) looks.status = 'unhealthy';
  const ended = await updateAndCheck(d, ['--yes', '--soak', '0']);
  expect(ended.exitCode, ended.text).toBe(0);
});

it('does not update an application whose own health check fails, as the engine says', async () => {
  const d = await updatable();
  Object.assign(appOf(d), { healthcheck: ['CMD', 'curl', '-f', 'http://localhost/nowhere'] });
  const looks = appOf(d).app?.looks;
  if (looks) looks.status = 'unhealthy';
  const ended = await updateAndCheck(d, ['--yes', '--soak', '0']);
  expect(ended).toMatchObject({
    exitCode: 3,
    changes: [],
    text: expect.stringContaining('the engine calls whalefall'),
  });
});

it('advises no rebuild for what a rebuild would not cure: Redis takes another password than the application has', async () => {
  const d = await updatable();
  const redis = d.container('redis');
  const command = (redis?.command ?? []).map((word, at, all) => (all[at - 1] === '--requirepass' ? 'another' : word));
  Object.assign(redis ?? {}, { command });
  const ended = await d.run(['--yes', '--soak', '0'], { script: UPDATE });
  expect(ended, ended.text).toMatchObject({ exitCode: 3, changes: [] });
  expect(ended.text).toMatch(/Redis refuses the password in \.env[\s\S]*A full rebuild would meet the same trouble/);
  expect(ended.text).not.toContain('A full rebuild starts and proves');
});
