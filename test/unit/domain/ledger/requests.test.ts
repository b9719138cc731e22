import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { writeRelease } from '../../../../lib/domain/ledger/releases.ts';
import { lastReplacement, RequestRecord, readRequests } from '../../../../lib/domain/ledger/requests.ts';

let now = 0;
let run = '';

beforeEach(() => {
  now = 5_000; // the machine has been up for a while
  run = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-requests-'));
  onTestFinished(() => rmSync(run, { recursive: true, force: true }));
});

const recordOf = (dir = run) => new RequestRecord({ monotonic: () => now }, dir);

it('knows of nothing before something is asked', () => {
  const record = recordOf();
  expect([record.soFar, record.noticed]).toEqual([undefined, undefined]);
  record.flush();
  expect(readRequests(run)).toEqual([]);
});

it('counts who still waits: as sent, and for the longest wait', () => {
  const record = recordOf();
  const first = record.sent('a');
  now += 100;
  record.sent('b');
  now += 3_000;
  expect(record.soFar).toEqual({ sent: 2, failed: 0, longest: 3_100 });
  first(true);
  now += 500;
  expect(record.soFar).toEqual({ sent: 2, failed: 0, longest: 3_500 });
});

it('tells how long nobody was answered, by the way that was closed longest', () => {
  const record = recordOf();
  const ask = (url: string, at: number, took: number, well: boolean) => {
    now = at;
    const answered = record.sent(url);
    now = at + took;
    answered(well);
  };
  ask('a', 5_000, 10, true);
  ask('b', 5_100, 10, true);
  ask('a', 6_000, 50, false);
  ask('b', 6_100, 10, true);
  ask('a', 7_000, 20, true);
  expect(record.noticed).toEqual({ sent: 5, failed: 1, longest: 50, downtime: 1_020 });
});

it('is on disk a second later, since the run began, and does not ask the disk for each', () => {
  const record = recordOf();
  record.sent('http://h/')(true);
  now += 400;
  record.sent('http://h/')(false);
  const kept = () => readRequests(run).flatMap((w) => w.samples);
  expect(kept().length).toBeLessThan(2);
  now += 1_000;
  record.sent('http://h/')(true);
  expect(kept()).toEqual([
    { at: 0, took: 0, well: true },
    { at: 400, took: 0, well: false },
    { at: 1_400, took: 0, well: true },
  ]);
  expect(readFileSync(path.join(run, 'requests'), 'utf8').split('\n')[0]).toBe('way 1 http://h/');
});

it('goes on measuring where nothing can be written', () => {
  const record = recordOf('/nowhere');
  record.sent('a')(true);
  now += 2_000;
  record.sent('a')(false);
  record.flush();
  expect(record.noticed).toMatchObject({ sent: 2, failed: 1 });
});

it('knows what the last replacement of the container took visitors: who waited, and who was refused', () => {
  const paths = { state: run, backups: path.join(run, 'backups') };
  expect(lastReplacement(paths)).toBeUndefined();
  const released = (
    name: string,
    how: { kind: 'rebuild' | 'hot' | 'env' | 'rollback'; way?: 'hot' | 'image' },
    requests?: string,
  ) => {
    mkdirSync(path.join(run, 'runs', name), { recursive: true });
    if (requests !== undefined) writeFileSync(path.join(run, 'runs', name, 'requests'), `way 1 http://h/\n${requests}`);
    const image = { imageId: 'sha256:1', subject: 's', commit: 'a'.repeat(40), at: '2026-01-01T00:00:00Z' };
    writeRelease(paths, { ...image, ...how, run: name });
  };
  released('held', { kind: 'rebuild' }, '1 0 20 1\n1 100 4200 1\n');
  expect(lastReplacement(paths)).toBe(4_200);
  released('slow', { kind: 'hot' }, '1 0 9000 1\n');
  released('back', { kind: 'rollback', way: 'hot' }, '1 0 9000 1\n');
  expect(lastReplacement(paths)).toBe(4_200);
  released('refused', { kind: 'rollback', way: 'image' }, '1 0 20 1\n1 100 1 0\n1 3000 1 0\n1 6000 30 1\n');
  expect(lastReplacement(paths)).toBe(5_930);
  released('never-answered', { kind: 'env' }, '1 0 20 1\n1 100 1 0\n1 3000 5000 0\n');
  expect(lastReplacement(paths)).toBe(7_900);
  released('for-hours', { kind: 'rebuild' }, `1 0 700 1\n${'1 0 20 1\n'.repeat(600_000)}`);
  expect(lastReplacement(paths)).toBe(700);
  released('not-measured', { kind: 'rebuild' });
  expect(lastReplacement(paths)).toBeUndefined();
});
