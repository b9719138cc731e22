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

it('has the full disk that took the engine down before it, with what mends it', () => {
  const unknown = {
    engine: undefined,
    containers: undefined,
    owners: undefined,
    replicas: undefined,
    health: undefined,
  };
  for (const disk of [{ free: 0 }, { freeInodes: 0 }]) {
    const full = { path: '/', size: 1e11, free: 5e10, inodes: 1e6, freeInodes: 5e5, ...disk };
    const facts = doctorFacts();
    if (!facts.host.known) throw new Error('host');
    const found = shown({ ...unknown, host: { ...facts.host.value, disks: [full] } });
    expect(found.slice(0, 2)).toEqual([
      ['free' in disk ? 'host.disk' : 'host.inodes', undefined],
      ['engine.answers', undefined],
    ]);
  }
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
    site: { ok: false, said: '[emerg]', included: true },
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
