import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { leave, readRun } from '../../../../lib/domain/ledger/runs.ts';
import { isToRun, noteStop, staysStopped, stoppedBy, takenDownBy } from '../../../../lib/domain/replacement/stopped.ts';
import { container } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

const STAMP = '20260102T030000Z';
const NAME = `${STAMP}-deploy-prod-all`;
const at = (time: string) => Date.parse(`2026-01-02T${time}Z`);

/** A rebuild began at 03:00, noted at 03:10 that it stops the container, and was killed. */
function killed(isNoted: boolean) {
  const ops = testOps(() => undefined);
  const entries = [
    [
      '03:00:00',
      { event: 'run-start', script: 'deploy-prod-all', version: '1', pid: 4_000_000, options: {}, args: [] },
    ],
    ['03:01:00', { event: 'plan', steps: ['stop', 'prove'] }],
    ...(isNoted ? [['03:10:00', { event: 'note', key: 'stopped', value: 'id' }] as const] : []),
  ] as const;
  const journal = entries.map(([time, e], i) => JSON.stringify({ seq: i + 1, at: `2026-01-02T${time}.000Z`, ...e }));
  mkdirSync(path.join(ops.paths.state, 'runs', NAME), { recursive: true });
  writeFileSync(path.join(ops.paths.state, 'runs', NAME, 'journal'), `${journal.join('\n')}\n`);
  return ops;
}

const app = (name: string, started: string, ended: string) => {
  const lastedMs = at(ended) - at(started);
  return container('app', { id: 'id', name, state: 'exited', startedAt: `2026-01-02T${started}Z`, lastedMs });
};

it.each<[what: string, isNoted: boolean, name: string, started: string, ended: string, by: string | undefined]>([
  ['that run stopped', true, 'app', '02:00:00', '03:10:05', STAMP],
  ['somebody has started and stopped since', true, 'app', '04:00:00', '04:30:00', undefined],
  ['that run never came to stop', false, 'app', '02:00:00', '03:05:00', undefined],
  ['that run put aside', true, `app-before-${STAMP}`, '02:00:00', '03:10:05', STAMP],
  [
    'a person had stopped before that run put it aside',
    false,
    `app-before-${STAMP}`,
    '01:00:00',
    '02:00:00',
    undefined,
  ],
  [
    'a run put aside whose journal is gone',
    false,
    'app-before-20250101T000000Z',
    '02:00:00',
    '03:00:00',
    '20250101T000000Z',
  ],
])('who stopped one that %s', (_what, isNoted, name, started, ended, by) => {
  expect(stoppedBy(killed(isNoted), app(name, started, ended))?.run).toBe(by);
});

it.each(['app', `app-before-${STAMP}`])(
  'what was left so is meant to be down, and has its restart policy all the same: %s',
  (name) => {
    const ops = killed(true);
    leave(readRun(ops.paths, NAME), 0);
    const stopped = app(name, '02:00:00', '03:10:05');
    expect(stoppedBy(ops, stopped)).toBeUndefined();
    expect(takenDownBy(ops, stopped)).toBe(STAMP);
  },
);

it.each([
  ['running', true],
  // It dies because something outside is down: it was meant to run, and is given back so.
  ['restarting', true],
  ['exited', false],
  ['created', false],
] as const)('one that is %s: whether its stop is noted, and whether it runs again after a failure: %s', (state, is) => {
  const ops = testOps(() => ({}));
  const app = container('app', { state });
  noteStop(ops, app);
  expect(ops.written.map((e) => e.event === 'note' && [e.key, e.value])).toEqual(is ? [['stopped', app.id]] : []);
  expect(isToRun('app', app, undefined)).toBe(is);
});

it('what a killed run had stopped runs again, but no application on data that was moved under it', () => {
  const run = '20260102T030405Z';
  const stopped = { run, moved: { run: `${run}-deploy-prod-all`, what: 'migrating', backup: undefined } } as const;
  const exited = container('app', { state: 'exited' });
  expect(isToRun('app', exited, { run })).toBe(true);
  expect(isToRun('app', exited, stopped)).toBe(false);
  expect(isToRun('postgres', exited, stopped)).toBe(true);
});

it.each([
  [
    'migrating',
    '/backups/b',
    /to migrate the database.* Or back to its backup, while PostgreSQL runs: npx tsx scripts\/restore-prod\.ts \/backups\/b && docker start 0123456789ab$/,
  ],
  [
    'removing',
    '/backups/b',
    /to delete volumes.* Or back to its backup, while PostgreSQL runs: npx tsx scripts\/restore-prod\.ts \/backups\/b && docker start 0123456789ab$/,
  ],
  ['removing', undefined, /to delete volumes.* does it as well\.$/],
  // Its own way back needs no backup.
  ['swap', '/backups/b', /to put another database in its place.* does it as well\.$/],
] as const)('says what leads back from data that a killed run had begun to change: %s, %s', (what, backup, says) => {
  const { text, fix } = staysStopped({ id: '0123456789abcdef' }, { run: 'r', what, backup });
  expect(`${text.en} ${fix.en}`).toMatch(says);
});
