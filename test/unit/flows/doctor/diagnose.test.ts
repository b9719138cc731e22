import { expect, it } from 'vitest';
import { CHECKS } from '../../../../lib/flows/doctor/checks.ts';
import { diagnose } from '../../../../lib/flows/doctor/diagnose.ts';
import { condition, doctorFacts, said, sound } from '../../../support/doctor-facts.ts';
import { scheduler, web } from '../../../support/update-facts.ts';

const containers = () => ({ app: sound('app'), postgres: sound('postgres'), redis: sound('redis') });
const health = {
  healthy: false,
  checks: [
    { name: 'basic', url: 'u', healthy: false, outcome: 'gateway', text: said('502'), milliseconds: 1 },
    { name: 'deep', url: 'u', healthy: false, outcome: 'refused', text: said('refused'), milliseconds: 1 },
  ],
} as const;
const shown = (facts: Parameters<typeof doctorFacts>[0], known: Parameters<typeof diagnose>[2] = []) =>
  diagnose(CHECKS, doctorFacts(facts), known).findings.map((f) => [f.check.id, f.under]);

it('names the program that is down, and what follows from it below it', () => {
  const facts = {
    programs: [
      { ...web, state: 'STOPPED', pid: 0, ports: [] },
      { ...scheduler, workers: [] },
    ],
    health,
  };
  expect(shown(facts)).toEqual([
    ['supervisor.programs', undefined],
    ['gunicorn.web', 'supervisor.programs'],
    ['health.basic', 'supervisor.programs'],
    ['health.deep', 'supervisor.programs'],
  ]);
});

it('names the store that is down, and not the application that waits for it', () => {
  const down = { containers: { ...containers(), postgres: sound('postgres', { state: 'exited' }) } };
  const found = shown({ ...down, health, postgres: undefined, hba: undefined, wire: undefined, sequences: undefined });
  expect(found[0]).toEqual(['container.postgres', undefined]);
  expect(found.slice(1).every(([, under]) => under !== undefined)).toBe(true);
});

it('keeps two causes apart, what is broken now before what breaks later, and warnings last', () => {
  const found = shown({
    drift: [{ name: 'A', container: 'differs', process: 'same' }],
    site: { ok: false, said: '[emerg]' },
    routes: { found: [{ path: '/', fault: said('403') }], unwatched: undefined },
  });
  expect(found).toEqual([
    ['routes.served', undefined],
    ['nginx.next-start', undefined],
    ['env.drift', undefined],
  ]);
});

it('lets no warning explain a failure, but another warning', () => {
  const held = [{ pid: 7, by: 'psql', state: 'active', seconds: 4, waiting: 1 }];
  expect(shown({ postgres: condition({ held }), health })).toEqual([
    ['health.basic', undefined],
    ['health.deep', undefined],
    ['database.blocked', undefined],
  ]);
  const mounts = [{ source: 's', target: 't', state: 'old' as const }];
  const drift = [{ name: 'A', container: 'differs' as const, process: 'same' as const }];
  expect(shown({ mounts, drift })).toEqual([
    ['container.stale-mount', undefined],
    ['env.drift', 'container.stale-mount'],
  ]);
});

it('counts a warning that is acknowledged apart, until its day is over; a failure never', () => {
  const known = (until: string) => [{ id: 'env.drift', reason: 'on purpose', until }];
  const drift = [{ name: 'A', container: 'differs' as const, process: 'same' as const }];
  const counts = (until: string) => diagnose(CHECKS, doctorFacts({ drift }), known(until)).counts;
  expect(counts('2027-01-02')).toMatchObject({ warn: 0, acknowledged: 1 });
  expect(counts('2027-01-01')).toMatchObject({ warn: 1, acknowledged: 0 });
  const broken = diagnose(CHECKS, doctorFacts({ wire: 'trust' }), [
    { id: 'database.trust', reason: 'no', until: '2099-01-01' },
  ]);
  expect(broken.counts).toMatchObject({ fail: 1, acknowledged: 0 });
  expect(broken.findings[0]?.acknowledged).toBeUndefined();
});
