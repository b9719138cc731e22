import { expect, it } from 'vitest';
import { CHECKS } from '../../../../lib/flows/doctor/checks.ts';
import { diagnose } from '../../../../lib/flows/doctor/diagnose.ts';
import type { Facts } from '../../../../lib/flows/doctor/gather.ts';
import { condition, doctorFacts, notKnown, sound, vitals } from '../../../support/doctor-facts.ts';
import { WRONG } from './wrong.table.ts';

const cases = Object.entries(WRONG).flatMap(([id, all]) => all.map(([level, facts], at) => ({ id, at, level, facts })));

const judged = (id: string, facts: Facts) => {
  const { findings, well, unknown } = diagnose(CHECKS, facts, []);
  return [...findings, ...well, ...unknown].find((f) => f.check.id === id);
};

it('finds nothing on a sound stack', () => {
  const { findings, unknown, well } = diagnose(CHECKS, doctorFacts(), []);
  expect(findings.map((f) => [f.check.id, f.problems.map((p) => p.seen.en)])).toEqual([]);
  expect(unknown).toEqual([]);
  expect(well).toHaveLength(CHECKS.length);
});

it('has a case for every check, and no other', () => {
  expect(Object.keys(WRONG).sort()).toEqual(CHECKS.map((c) => c.id).sort());
});

it.each(cases)('$id: $level (case $at)', ({ id, level, facts }) => {
  const found = judged(id, doctorFacts(facts));
  expect(found?.level, JSON.stringify(found?.problems)).toBe(level);
  for (const { seen, mend } of found?.problems ?? []) {
    expect(seen.en.trim()).not.toBe('');
    expect(seen.zh.trim()).not.toBe('');
    for (const text of [seen, ...mend]) expect(`${text.en}${text.zh}`).not.toMatch(/undefined|NaN|\[object|null/);
  }
});

it('offers to start an application again, but not on data that a killed run had moved', () => {
  const { containers } = doctorFacts();
  if (!containers.known) throw new Error('containers');
  const offered = (moved: NonNullable<typeof containers.value.app>['moved']) => {
    const app = { ...sound('app', { state: 'exited' }), moved };
    const [problem] =
      judged('container.app', doctorFacts({ containers: { ...containers.value, app } }))?.problems ?? [];
    return [problem?.fix?.join(' '), problem?.mend.map((m) => m.en).join('\n')];
  };
  expect(offered(undefined)[0]).toMatch(/^docker start /);
  const [fix, mend] = offered({ run: '20260102T030405Z-rollback-prod', what: 'swap', backup: '/backups/one' });
  expect(fix).toBeUndefined();
  expect(mend).toMatch(/^Finish that run: npx tsx scripts\/runs\.ts resume 20260102T030405Z-rollback-prod/);
  expect(mend).not.toContain('docker start');
});

it('calls pages well that were built from these very sources, however old a build cache has kept them', () => {
  const facts = doctorFacts({ frontend: { changed: 4_000_000_000, current: true } });
  expect(judged('release.frontend', facts)?.level).toBe('OK');
});

it('says of memory against its limit only where there is one', () => {
  const seen = (limit: number | null) =>
    judged('app.memory', doctorFacts({ vitals: vitals({ memory: { kills: 1, limit, used: 50 } }) }))?.problems[0]?.seen;
  expect(seen(null)).toEqual({ en: '1 process since its start', zh: '启动以来 1 个进程' });
  expect(seen(100)?.en).toBe('1 process since its start; now at 50 % of its limit');
});

it('offers of an unfinished run what can be done about it', () => {
  const { ours } = doctorFacts();
  if (!ours.known) throw new Error('ours');
  const unfinished = { name: '20260101T000000Z-apply-env', ways: ['resume', 'leave'] } as const;
  const problem = judged('runs.unfinished', doctorFacts({ ours: { ...ours.value, unfinished } }))?.problems[0];
  expect(problem?.mend.map((m) => m.en)).toEqual(
    ['show 20260101T000000Z-apply-env', 'resume', 'leave'].map((way) => `npx tsx scripts/runs.ts ${way}`),
  );
});

it('freezes all databases: which of them is the oldest is not known', () => {
  const facts = doctorFacts({ postgres: condition({ age: 1_900_000_000 }) });
  const mend = judged('database.wraparound', facts)?.problems[0]?.mend.map((m) => m.en);
  expect(mend).toEqual(['docker exec shop_postgres vacuumdb -U shop --all --freeze --verbose']);
});

it('asks nothing of what is not known', () => {
  const nothing = Object.fromEntries(Object.keys(doctorFacts()).map((group) => [group, notKnown])) as unknown as Facts;
  const { findings, unknown } = diagnose(CHECKS, { ...nothing, at: doctorFacts().at }, []);
  expect(findings[0]?.check.id).toBe('engine.answers');
  expect(findings.every((f) => ['engine.answers', 'stack.config'].includes(f.check.id))).toBe(true);
  expect(unknown.length).toBe(CHECKS.length - findings.length);
});

it('has ids of one form, each once, and explains only what there is', () => {
  const ids = CHECKS.map((c) => c.id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z]+\.[a-z-]+$/);
  for (const { id, explains } of CHECKS) {
    for (const e of explains) {
      const meant = ids.filter((other) => (e.endsWith('.*') ? other.startsWith(e.slice(0, -1)) : other === e));
      expect(meant.length, `${id} explains ${e}`).toBeGreaterThan(0);
    }
  }
});

it.each([
  [
    'FATAL: password authentication failed',
    { ok: false, said: 'FATAL: password authentication failed' },
    /the role has another/,
  ],
  ['FATAL: password authentication failed', { ok: true, said: '' }, /password of \.env is accepted/],
  ['FATAL: sorry, too many clients already', { ok: true, said: '' }, /already$/],
  ['FATAL: password authentication failed', { ok: false, said: 'FATAL: sorry, too many clients already' }, /failed$/],
])('says which password is the odd one only where that is known: %s', (said, next, expected) => {
  const { logins } = doctorFacts();
  if (!logins.known) throw new Error('logins');
  const { redis } = logins.value;
  const refused = { recovery: false, readOnly: false, asked: true };
  const database = { now: { ...refused, ok: false, said }, next: { ...refused, ...next } };
  const found = judged('database.login', doctorFacts({ logins: { redis, database } as never }));
  expect(found?.problems[0]?.seen.en).toMatch(expected);
});
