import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { recordOutcome } from '../../../../lib/domain/alerts/outcomes.ts';
import { ourFacts } from '../../../../lib/flows/doctor/ours.ts';
import { testOps } from '../../../support/ops.ts';

/** A deploy directory in which a backup lies half written. */
function world() {
  const ops = testOps(() => ({}));
  mkdirSync(path.join(ops.paths.backups, 'b.partial'));
  return { ops, lock: path.join(ops.paths.state, 'lock') };
}

/** As a run that takes it does. */
function taken(lock: string): void {
  const holder = { script: 'backup-prod create', user: 'ops', host: 'prod', pid: process.pid, since: 'now' };
  writeFileSync(lock, `${JSON.stringify(holder)}\n`);
  const fd = openSync(lock, 'r');
  onTestFinished(() => closeSync(fd));
}

it('takes a backup that is being made for none that a killed run left', async () => {
  const { ops, lock } = world();
  expect((await ourFacts(ops)).leftovers).toEqual(['b.partial']);
  taken(lock);
  expect((await ourFacts(ops)).leftovers).toEqual([]);
});

it('finds what a killed run left also where it has the lock itself', async () => {
  const { ops, lock } = world();
  taken(lock);
  expect((await ourFacts({ ...ops, lockFd: 3 })).leftovers).toEqual(['b.partial']);
});

it('remembers an export for as long as the tool does, however many backups came since', async () => {
  const { ops } = world();
  expect((await ourFacts(ops)).exported).toBe(false);
  const ended = { at: '2026-01-01T00:00:00.000Z', run: null, took: 1, requests: null, bytes: null };
  const [success, last] = [
    { ...ended, exitCode: 0 },
    { ...ended, exitCode: 1 },
  ];
  await recordOutcome(ops.paths, {
    ...{ version: 1, subject: 'backup-prod export', watched: null },
    ...{ last, success, failures: 1 },
  });
  expect((await ourFacts(ops)).exported).toBe(true);
});
