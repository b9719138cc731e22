import { expect, it, vi } from 'vitest';
import type { Script } from '../../lib/runs/command-line/script.ts';
import { backupProd } from '../../scripts/backup-prod.ts';
import { deployProdAll } from '../../scripts/deploy-prod-all.ts';
import { restoreProd } from '../../scripts/restore-prod.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { updateProdFlask } from '../../scripts/update-prod-flask.ts';
import { type Deployment, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { NEW_REVISION, OLD_REVISION, release } from './model/release.ts';
import { updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

// Somebody keeps even readers from a table: whoever needs it says at once who that is and with which query, and plans don't wait for it.

const HOLDER = /pid 4242 · nightly-report · reporter · 10\.0\.0\.9 · idle in transaction · \S+ · LOCK TABLE notes/;

function lock(d: Deployment, seconds: number): void {
  const server = d.container('postgres')?.server;
  if (!server) throw new Error('there is no server');
  server.locked = { query: 'LOCK TABLE notes', until: d.machine.clock.monotonic() + seconds * 1000 };
}

const FOREVER = 1e6;

it.each<[name: string, script: Script, args: readonly string[], exitCode: number]>([
  ['deploy-prod-all', deployProdAll, ['--data', 'keep'], 3],
  ['rollback-prod', rollbackProd, ['previous', '--way', 'image'], 0],
  ['restore-prod', restoreProd, [], 0],
])('the plan of %s', async (_name, script, args, exitCode) => {
  const d = await production();
  expect(await runAndCheck(d, ['--yes', '--data', 'keep'])).toMatchObject({ exitCode: 0 });
  d.machine.release = release('next');
  expect(await runAndCheck(d, ['--yes', '--data', 'keep'])).toMatchObject({ exitCode: 0 });
  expect(await d.run(['create'], { script: backupProd })).toMatchObject({ exitCode: 0 });
  lock(d, FOREVER);
  const began = d.machine.clock.monotonic();
  const ended = await d.run(['--plan', ...args], { script });
  expect(ended.exitCode, ended.text).toBe(exitCode);
  expect(ended.text).toMatch(HOLDER);
  expect(ended.text).toContain('pg_terminate_backend');
  expect(d.machine.clock.monotonic() - began).toBeLessThan(10_000);
});

it('a rebuild, before anything stops', async () => {
  const d = await production();
  lock(d, FOREVER);
  const ended = await runAndCheck(d, ['--yes', '--data', 'keep']);
  expect(ended, ended.text).toMatchObject({ exitCode: 3, changes: [], text: expect.stringMatching(HOLDER) });
  expect(ended.text).toContain('pg_terminate_backend');
});

it('a rebuild whose last backup meets it: everything is as before, soon', async () => {
  const d = await production();
  d.machine.release = release('new', { head: NEW_REVISION });
  d.machine.override = (_call, text) => {
    if (/^docker stop .*/.test(text) && text.includes(d.container('whalefall')?.id ?? '?')) lock(d, FOREVER);
    return undefined;
  };
  const ended = await runAndCheck(d, ['--yes', '--data', 'keep']);
  expect(ended, ended.text).toMatchObject({ exitCode: 1, text: expect.stringMatching(HOLDER) });
});

it('a backup says whom it waits for, and goes on when it is over', async () => {
  const d = await production();
  lock(d, 30);
  const ended = await d.run(['create'], { script: backupProd });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/Waiting\. A table is locked/);
  expect(ended.text).toMatch(HOLDER);
});

it('a backup gives up in the end, and keeps nothing', async () => {
  const d = await production();
  lock(d, FOREVER);
  const ended = await d.run(['create'], { script: backupProd });
  expect(ended, ended.text).toMatchObject({ exitCode: 3, text: expect.stringMatching(HOLDER) });
  expect(ended.text).not.toContain('docker compose');
});

it('a backup whose pg_dump meets what was taken a moment before', async () => {
  const d = await production();
  d.machine.override = (call) => {
    if (call.argv.includes('pg_dump')) lock(d, FOREVER);
    return undefined;
  };
  const ended = await d.run(['create'], { script: backupProd });
  expect(ended, ended.text).toMatchObject({ exitCode: 3, text: expect.stringMatching(HOLDER) });
});

it('a hot update that has to migrate', async () => {
  const d = await updatable({ head: NEW_REVISION });
  lock(d, FOREVER);
  const ended = await d.run(['--yes'], { script: updateProdFlask });
  expect(ended, ended.text).toMatchObject({ exitCode: 3, text: expect.stringMatching(HOLDER) });
});

it('an update of which only the check tells that it migrates: it waits as well', async () => {
  // The code that runs is ahead of the database, and the release brings no migration of its own.
  const d = await updatable({ head: NEW_REVISION }, { former: { head: NEW_REVISION } });
  if (d.database) d.database.stamp = OLD_REVISION;
  d.machine.override = ({ argv }) => {
    if (argv.at(-1) === 'compile') lock(d, 10);
    return undefined;
  };
  const ended = await d.run(['--yes', '--soak', '2s'], { script: updateProdFlask });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/Waiting for sessions that hold locks:\s+- pid 4242/);
  expect(d.database?.stamp).toBe(NEW_REVISION);
});
