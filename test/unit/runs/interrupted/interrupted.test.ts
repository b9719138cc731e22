import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { JournalEvent } from '../../../../lib/core/journal.ts';
import type { Screen } from '../../../../lib/core/screen.ts';
import { userdataOfUnfinished } from '../../../../lib/domain/app/userdata.ts';
import { leave, nextRunName, readRun } from '../../../../lib/domain/ledger/runs.ts';
import { eachUnfinished, findUnfinished, notedByUnfinished } from '../../../../lib/domain/ledger/unfinished-runs.ts';
import { leave as leaveByCommand, show } from '../../../../lib/flows/runs/commands.ts';
import { follow } from '../../../../lib/flows/runs/follow.ts';
import { refuseAnswers } from '../../../../lib/runs/command-line/typed-again.ts';
import { offerWays, showUnfinished } from '../../../../lib/runs/interrupted/offer.ts';
import { backOf, finishOf } from '../../../../lib/runs/interrupted/ways.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';

const AT = '2026-01-02T03:04:05.000Z';
const lines = (events: readonly JournalEvent[]) =>
  events.map((event, i) => `${JSON.stringify({ seq: i + 1, at: AT, ...event })}\n`).join('');

const begun = (script: string, pid = 4_000_000): JournalEvent[] => [
  { event: 'run-start', script, version: '1', pid, user: 'ann', options: {}, args: ['--ref=origin/main', '--bake'] },
  { event: 'plan', steps: ['stage', 'switch'], also: ['--ref=abc'], back: { script, args: ['--ref=old'] } },
  { event: 'step-start', step: 'switch' },
];
const CHANGE: JournalEvent = { event: 'intent', command: 'docker stop app' };
const end = (exitCode: number): JournalEvent => ({ event: 'run-end', exitCode, verdict: `ended ${exitCode}` });

/** Of a run that does something beside its script's own deed. */
const aside = (script: string, step: string, ...more: JournalEvent[]) =>
  lines([...begun(script), { event: 'plan', steps: [step], aside: true }, CHANGE, ...more]);

/** Of a run that says what its success proves. */
const proving = (script: string, proves: readonly string[], ...more: JournalEvent[]) =>
  lines([...begun(script), { event: 'plan', steps: ['prove'], proves }, CHANGE, ...more]);

/** One that found nothing to do, or only looked. */
const planless = (script: string) => lines([begun(script)[0] as JournalEvent, end(0)]);

let runs = 0;

/** A run's directory as something left it; each is newer than the one before. */
function leaveRun(ops: TestOps, script: string, text: string): string {
  runs += 1;
  const name = `20260102T03${String(runs).padStart(4, '0')}Z-${script}`;
  mkdirSync(path.join(ops.paths.state, 'runs', name));
  writeFileSync(path.join(ops.paths.state, 'runs', name, 'journal'), text);
  return name;
}

const died = (script = 'update-prod-flask') => lines([...begun(script), CHANGE]);
const ended = (exitCode: number, script = 'update-prod-flask') => lines([...begun(script), CHANGE, end(exitCode)]);

it.each<[what: string, runs: readonly (readonly [script: string, journal: string])[], found: number | undefined]>([
  ['nothing was run', [], undefined],
  ['one died in its middle', [['update-prod-flask', died()]], 0],
  ['one died before it changed anything', [['update-prod-flask', lines(begun('update-prod-flask'))]], undefined],
  ['one died before its first line was whole', [['update-prod-flask', '{"seq":1,']], undefined],
  ['the doctor died, who starts what stands still and is asked again', [['doctor', died('doctor')]], undefined],
  ['one ended well', [['update-prod-flask', ended(0)]], undefined],
  ['one ended with everything as before', [['update-prod-flask', ended(1)]], undefined],
  ['one ended and needs a person', [['update-prod-flask', ended(6)]], 0],
  [
    'the same script has succeeded since',
    [
      ['update-prod-flask', died()],
      ['update-prod-flask', ended(0)],
    ],
    undefined,
  ],
  [
    'the same script has failed since, as before: half-done',
    [
      ['update-prod-flask', died()],
      ['update-prod-flask', ended(1)],
    ],
    0,
  ],
  [
    'another script has succeeded since',
    [
      ['update-prod-flask', died()],
      ['backup-prod', ended(0, 'backup-prod')],
    ],
    0,
  ],
  [
    'a full rebuild has succeeded since',
    [
      ['update-prod-flask', died()],
      ['deploy-prod-all', ended(0, 'deploy-prod-all')],
    ],
    undefined,
  ],
  [
    'a rollback was killed, and a hot update has proved its release since',
    [
      ['rollback-prod', died('rollback-prod')],
      ['update-prod-flask', ended(0)],
    ],
    undefined,
  ],
  [
    'a restore was killed, of which a hot update proves nothing',
    [
      ['restore-prod', died('restore-prod')],
      ['update-prod-flask', ended(0)],
    ],
    0,
  ],
  ...(['drop', 'try'] as const).map((step): [string, [string, string][], number] => [
    `a restore was killed, and the same script has only done something beside since: ${step}`,
    [
      ['restore-prod', died('restore-prod')],
      ['restore-prod', aside('restore-prod', step, end(0))],
    ],
    0,
  ]),
  [
    'what was done beside was killed, and has succeeded since',
    [
      ['restore-prod', aside('restore-prod', 'drop')],
      ['restore-prod', aside('restore-prod', 'drop', end(0))],
    ],
    undefined,
  ],
  [
    'what was done beside was killed, and something else beside has succeeded since',
    [
      ['upgrade-postgres', aside('upgrade-postgres', 'drop')],
      ['upgrade-postgres', aside('upgrade-postgres', 'try', end(0))],
    ],
    0,
  ],
  [
    'the maintenance page was up when its run died: it is not to be put up again',
    [['maintenance', died('maintenance')]],
    undefined,
  ],
  [
    'the same script has found nothing to do since, and proved nothing',
    [
      ['apply-env', died('apply-env')],
      ['apply-env', planless('apply-env')],
    ],
    0,
  ],
  [
    'all that it owes was proved since, by several',
    [
      ['upgrade-postgres', proving('upgrade-postgres', ['stores', 'app'])],
      ['x', proving('x', ['stores'], end(0))],
      ['y', proving('y', ['app'], end(0))],
    ],
    undefined,
  ],
  [
    'a part of what it owes was proved since',
    [
      ['deploy-prod-all', died('deploy-prod-all')],
      ['apply-env', ended(0, 'apply-env')],
    ],
    0,
  ],
  [
    'a backup was killed after a deployment, which is what matters',
    [
      ['deploy-prod-all', died('deploy-prod-all')],
      ['backup-prod', lines([begun('backup-prod')[0] as JournalEvent, CHANGE])],
    ],
    0,
  ],
  [
    'another died later',
    [
      ['restore-prod', died('restore-prod')],
      ['update-prod-flask', died()],
    ],
    1,
  ],
])('what is unfinished when %s', (_what, journals, found) => {
  const ops = testOps(() => undefined);
  const names = journals.map(([script, text]) => leaveRun(ops, script, text));
  expect(findUnfinished(ops.paths)?.name).toBe(found === undefined ? undefined : names[found]);
});

it('stays unfinished however many backups there have been since', () => {
  const ops = testOps(() => undefined);
  const name = leaveRun(ops, 'update-prod-flask', died());
  for (let n = 0; n < 100; n += 1) leaveRun(ops, 'backup-prod', ended(0, 'backup-prod'));
  expect(findUnfinished(ops.paths)?.name).toBe(name);
});

it('stays unfinished however many backups have failed since', () => {
  const ops = testOps(() => undefined);
  const name = leaveRun(ops, 'update-prod-flask', died());
  for (let n = 0; n < 40; n += 1) leaveRun(ops, 'backup-prod', ended(1, 'backup-prod'));
  expect([...eachUnfinished(ops.paths)].map((run) => run.name)).toEqual([name]);
});

it.each<[what: string, script: string, journal: string, isKnown: boolean]>([
  ['found nothing to do', 'apply-env', planless('apply-env'), true],
  ['was tried beside', 'upgrade-postgres', aside('upgrade-postgres', 'try', end(0)), true],
  ['replaced the container', 'apply-env', proving('apply-env', ['app', 'env'], end(0)), false],
  ['replaced the container, in an earlier version', 'upgrade-postgres', ended(0, 'upgrade-postgres'), false],
  ['restored the database', 'restore-prod', proving('restore-prod', ['database'], end(0)), true],
])('what it noted of the application is known after one that %s: %s', (_what, script, text, isKnown) => {
  const ops = testOps(() => undefined);
  const note = JSON.stringify({ seq: 9, at: AT, event: 'note', key: 'stopped', value: 'id' });
  leaveRun(ops, 'deploy-prod-all', `${died('deploy-prod-all')}${note}\n`);
  leaveRun(ops, script, text);
  expect(notedByUnfinished(ops.paths, 'stopped') !== undefined).toBe(isKnown);
});

it('what it noted stays known however many backups there have been since', () => {
  const ops = testOps(() => undefined);
  const note = JSON.stringify({ seq: 9, at: AT, event: 'note', key: 'workers', value: 2 });
  const name = leaveRun(ops, 'update-prod-flask', `${died()}${note}\n`);
  for (let n = 0; n < 100; n += 1) leaveRun(ops, 'backup-prod', ended(1, 'backup-prod'));
  expect(notedByUnfinished(ops.paths, 'workers')?.run.name).toBe(name);
});

it('offers only what it would start', async () => {
  const offered = async (script: string) => {
    const asked: string[] = [];
    const askChoice: Screen['askChoice'] = async (_question, choices) => {
      asked.push(...choices.map((c) => c.value));
      return choices.at(-1)?.value;
    };
    const ops = testOps(() => ({ exitCode: 1 }), { answers: { askChoice } });
    expect(await offerWays(ops, readRun(ops.paths, leaveRun(ops, script, died(script))))).toBeUndefined();
    return { asked, shown: ops.shown.flatMap((e) => (e.event === 'info' ? [e.text.en] : [])) };
  };
  expect(await offered('update-prod-flask')).toMatchObject({ asked: ['finish', 'undo', 'leave'] });
  const own = await offered('adhoc.mine');
  expect(own.asked).toEqual(['leave']);
  expect(own.shown).toEqual([
    expect.stringContaining('start its file by hand'),
    expect.stringMatching(/to leave it as it is: .*runs\.ts leave \S+-adhoc\.mine$/),
  ]);
});

it.each([
  [['none'], true],
  [['none', 'interrupts'], false],
  [[undefined], false], // an older version wrote it
] as const)('says that production is as before only where no other step had begun: %j', async (risks, isSaid) => {
  const ops = testOps(() => ({ exitCode: 1, stderr: 'no engine' }));
  const [start] = begun('restore-prod');
  const steps = risks.map((risk): JournalEvent => ({ event: 'step-start', step: 'x', ...(risk && { risk }) }));
  const run = readRun(ops.paths, leaveRun(ops, 'restore-prod', lines([start as JournalEvent, ...steps, CHANGE])));
  await showUnfinished(ops, run);
  expect(JSON.stringify(ops.shown).includes('No step had begun that changes production')).toBe(isSaid);
});

it('is not asked about again when it was left', () => {
  const ops = testOps(() => undefined);
  const name = leaveRun(ops, 'update-prod-flask', died());
  leave(readRun(ops.paths, name), 0);
  expect(findUnfinished(ops.paths)).toBeUndefined();
});

it('is left by a command, after a question, and only while it is unfinished', async () => {
  const said = { yes: false };
  const ops = testOps(() => ({ exitCode: 1, stderr: 'no engine' }), { answers: { askYes: async () => said.yes } });
  const run = readRun(ops.paths, leaveRun(ops, 'update-prod-flask', died()));
  await leaveByCommand(ops, run, true);
  await expect(leaveByCommand(ops, run, false)).rejects.toMatchObject({ kind: 'declined' });
  expect(findUnfinished(ops.paths)?.name).toBe(run.name);
  said.yes = true;
  await leaveByCommand(ops, run, false);
  expect(findUnfinished(ops.paths)).toBeUndefined();
  await expect(leaveByCommand(ops, run, false)).rejects.toMatchObject({ kind: 'precondition' });
});

it('takes userdata from a rebuild that did not put it back, until a container has served since', () => {
  const ops = testOps(() => undefined);
  const saved = { file: path.join(ops.paths.run, 'userdata.tar'), bytes: 4 };
  writeFileSync(saved.file, 'saved');
  const then = ops.clock.now() / 1000 - 3 * 86_400;
  utimesSync(saved.file, then, then);
  const note: JournalEvent = { event: 'note', key: 'userdata', value: saved };
  leaveRun(ops, 'deploy-prod-all', lines([...begun('deploy-prod-all'), note, CHANGE, end(6)]));
  leaveRun(ops, 'update-prod-flask', ended(1));
  expect(userdataOfUnfinished(ops)).toEqual(saved);
  expect(ops.shown).toMatchObject([
    { text: { en: expect.stringContaining('3 d old'), zh: expect.stringContaining('3 天前') } },
  ]);
  leaveRun(ops, 'update-prod-flask', ended(0));
  expect(userdataOfUnfinished(ops)).toBeUndefined();
});

it('takes a run for alive as long as its process has the lock open, and no longer', () => {
  const ops = testOps(() => undefined);
  const name = leaveRun(ops, 'x', lines([...begun('x', process.pid), CHANGE]));
  const state = () => readRun(ops.paths, name).state.kind;
  const lock = openSync(path.join(ops.paths.state, 'lock'), 'w');
  expect(state()).toBe('running');
  closeSync(lock);
  expect(state()).toBe('died'); // the number is somebody's, but not that run's
});

it('finishes with what the options meant, and undoes with what was written down last', () => {
  const ops = testOps(() => undefined);
  const run = readRun(ops.paths, leaveRun(ops, 'update-prod-flask', died()));
  expect(finishOf(run)).toEqual({ script: 'update-prod-flask', args: ['--bake', '--ref=abc'] });
  expect(backOf(run)).toEqual({ script: 'update-prod-flask', args: ['--ref=old'] });
  const [start, plan] = [
    { ...begun('rollback-prod')[0], args: ['previous', '--data=latest'] } as JournalEvent,
    { event: 'plan', steps: [], also: ['abc', '--data=/srv/b'] } as const,
  ];
  const rollback = readRun(ops.paths, leaveRun(ops, 'rollback-prod', lines([start, plan])));
  expect(finishOf(rollback)).toEqual({ script: 'rollback-prod', args: ['abc', '--data=/srv/b'] });
  const later: JournalEvent = { event: 'way-back', script: 'restore-prod', args: ['--back=db_before'] };
  const swapped = readRun(ops.paths, leaveRun(ops, 'restore-prod', lines([...begun('restore-prod'), later])));
  expect(backOf(swapped)).toEqual({ script: 'restore-prod', args: ['--back=db_before'] });
});

it.each([
  { script: 'restore-prod', args: ['--confirm=RESTORE shop'] },
  { script: 'restore-prod', args: ['--confirm', 'RESTORE shop'] },
  { script: 'deploy-prod-all', args: ['--data=delete', '--yes'] },
  { script: 'deploy-prod-all', args: ['--dir=/elsewhere'] },
  { script: 'deploy-prod-all', args: ['--config=/tmp/evil.json'] },
  { script: 'restore-prod', args: ['--', 'x'] },
  { script: '../../../tmp/evil', args: [] },
  { script: '-e', args: [] },
  { script: 'x\ny', args: [] },
])('starts nothing that a journal answers itself, or that is no script: %o', (forged) => {
  expect(() => refuseAnswers(forged)).toThrow(expect.objectContaining({ kind: 'precondition' }));
});

it('advises nothing that a journal answers itself', async () => {
  const ops = testOps(() => ({ exitCode: 1, stderr: 'no engine' }));
  const back: JournalEvent = { event: 'way-back', script: 'restore-prod', args: ['--confirm=RESTORE shop'] };
  const run = readRun(ops.paths, leaveRun(ops, 'x', lines([...begun('x'), back, CHANGE])));
  await showUnfinished(ops, run);
  expect(JSON.stringify(ops.shown)).not.toContain('RESTORE shop');
});

it('starts what a run writes down', () => {
  for (const args of [['--ref=abc', '--bake'], ['--data=delete'], ['latest', '--to=/x'], []])
    expect(() => refuseAnswers({ script: 'update-prod-flask', args })).not.toThrow();
});

it('shows foreign text of a journal without its power over the terminal', async () => {
  const ops = testOps(() => ({ exitCode: 1, stderr: 'no engine' }));
  const evil = '\u001b]0;owned\u0007';
  const text = lines([
    { event: 'run-start', script: 'x', version: evil, pid: 1, user: evil, options: {}, args: [evil] },
    { event: 'plan', steps: [evil] },
    { event: 'step-start', step: evil },
    { event: 'intent', command: evil },
    { event: 'step-failed', step: evil, error: evil },
    { event: 'run-end', exitCode: 1, verdict: evil },
  ]);
  await show(ops, readRun(ops.paths, leaveRun(ops, 'x', text)));
  const said = JSON.stringify(ops.shown);
  expect(said).toContain('owned');
  expect(said).not.toMatch(/\\u001b|\\u0007/);
});

it('shows every beginning of a journal that a kill can leave', async () => {
  const whole = lines([
    ...begun('x'),
    CHANGE,
    { event: 'result', of: 4, exitCode: 0, milliseconds: 5 },
    { event: 'step-failed', step: 'switch', error: 'broke' },
    { event: 'undo-start', step: 'switch' },
    { event: 'undo-done', step: 'switch' },
    end(1),
  ]);
  const ops = testOps(() => ({ exitCode: 1, stderr: 'no engine' }));
  const name = leaveRun(ops, 'x', '');
  const file = path.join(ops.paths.state, 'runs', name, 'journal');
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length), async (cut) => {
      writeFileSync(file, whole.slice(0, cut));
      const run = readRun(ops.paths, name);
      await show(ops, run);
      expect(run.state.kind).toBe(cut === whole.length ? 'ended' : 'died');
    }),
    { numRuns: 12 },
  );
});

it('follows a log line by line, also when a character comes in two parts, and ends with the run’s exit code', async () => {
  const ops = testOps(() => undefined);
  const name = leaveRun(ops, 'x', ended(143));
  const log = path.join(ops.paths.state, 'runs', name, 'log');
  writeFileSync(log, '[1/2] 备份\nlast, without an end');
  await expect(follow(ops, name)).rejects.toMatchObject({ exitCode: 143 });
  expect(ops.shown).toMatchObject([{ text: { en: '[1/2] 备份' } }, { text: { en: 'last, without an end' } }]);
});

it('says of a run that died while it was followed that nobody knows, and how to go on', async () => {
  const ops = testOps(() => undefined);
  const name = leaveRun(ops, 'x', died('x'));
  appendFileSync(path.join(ops.paths.state, 'runs', name, 'journal'), '{"seq":5,');
  await expect(follow(ops, name)).rejects.toMatchObject({
    exitCode: 1,
    what: { en: expect.stringMatching(/at step switch[\s\S]*nobody knows whether it took effect: docker stop app/) },
    next: [{ en: `Finish it: npx tsx scripts/runs.ts resume ${name}` }],
  });
  expect(existsSync(path.join(ops.paths.state, 'lock'))).toBe(false);
});

it.each([
  ['a clock that goes right', '2026-01-02T05:00:00.700Z', '20260102T050000Z-update-prod-flask'],
  ['the same second', '2026-01-02T04:00:00.900Z', '20260102T040001Z-update-prod-flask'],
  ['a clock that was set back', '2026-01-02T03:00:00.000Z', '20260102T040001Z-update-prod-flask'],
])('a run comes after all that were: %s', (_what, now, name) => {
  const ops = testOps(() => undefined);
  const put = (run: string, text: string) => {
    mkdirSync(path.join(ops.paths.state, 'runs', run));
    writeFileSync(path.join(ops.paths.state, 'runs', run, 'journal'), text);
  };
  put('20260102T040000Z-update-prod-flask', ended(0));
  put('20269999T999999Z-nonsense', ''); // no time at all
  const next = nextRunName(ops.paths, 'update-prod-flask', Date.parse(now));
  expect(next).toBe(name);
  put(next, died());
  // The success before it does not hide that it died.
  expect(findUnfinished(ops.paths)?.name).toBe(next);
});

it('the first run of all has the time of the clock', () => {
  expect(nextRunName(testOps(() => undefined).paths, 'backup-prod', Date.parse(AT))).toBe(
    '20260102T030405Z-backup-prod',
  );
});
