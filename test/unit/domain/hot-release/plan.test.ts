import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { PlannedStep } from '../../../../lib/core/step.ts';
import { targetFor } from '../../../../lib/core/target.ts';
import type { UpdateOptions } from '../../../../lib/domain/hot-release/options.ts';
import { planUpdate } from '../../../../lib/domain/hot-release/plan.ts';
import { begin } from '../../../../lib/domain/hot-release/steps.ts';
import { plannedOf } from '../../../../lib/runs/steps/steps.ts';
import { noLocalChanges, options, scheduler, tree, updateFacts, web } from '../../../support/update-facts.ts';

const target = targetFor('/opt/whalefall');
const plan = (more: Parameters<typeof updateFacts>[0] = {}) => planUpdate(target, updateFacts(more), options);
const paths = { state: '/state', backups: '/state/backups', run: '/state/runs/now' };

/** The steps of the plan; none where there is nothing to do. */
function steps(more: Parameters<typeof updateFacts>[0] = {}, choice: Partial<UpdateOptions> = {}): PlannedStep[] {
  const [facts, chosen] = [updateFacts(more), { ...options, ...choice }];
  const planned = planUpdate(target, facts, chosen);
  return planned ? plannedOf(begin({ target, paths }, facts, planned, chosen).steps) : [];
}

const withSite = tree({ [target.release.site.from]: 'site' });
const same = { put: [], remove: [], handEdited: [], inTheWay: [] };

it('changes nothing in place before the release was checked, migrated for and tried', () => {
  const ids = steps().map((s) => s.id);
  expect(ids).toEqual(['stage', 'check', 'backup', 'migrate', 'canary', 'switch', 'restart', 'prove', 'settle']);
});

it('builds what comes from other sources before it stages, and that alone is something to do', () => {
  const { source } = updateFacts();
  const running = { ...updateFacts().running, commit: source.commit };
  const stale = [{ from: 'web/', to: 'web/dist', stage: 'web-build', sources: 's', made: '/build/dist' }];
  const building = steps({ running, files: same, stale });
  expect(building.map((s) => s.id).slice(0, 2)).toEqual(['build', 'stage']);
  expect(building[0]).toMatchObject({ risk: 'none', title: { en: expect.stringContaining('web/dist') } });
});

it('names the services that it leaves on the former code', () => {
  const { stack } = updateFacts();
  const warnings =
    plan({ stack: { ...stack, leftAlone: [{ name: 'worker', code: 'image', runs: true }] } })?.warnings ?? [];
  expect(warnings.map((w) => w.en).join()).toMatch(/worker.*former code/);
});

it('says beforehand that the new workers will end together, and what keeps them apart', () => {
  const recycled = { ...web, settings: { preload_app: false, max_requests: 1000, max_requests_jitter: 50 } };
  const programs = { ...updateFacts().programs, web: recycled };
  const said = (plan({ programs })?.warnings ?? []).map((w) => w.en).join('\n');
  expect(said).toMatch(/2 new workers will be of one age; max_requests 1000, max_requests_jitter 50: .*jitter = 500/);
  expect((plan()?.warnings ?? []).map((w) => w.en).join()).not.toContain('max_requests');
});

it('says which requests fail because a program is restarted', () => {
  const served = { routes: [], unwatched: undefined, led: [{ program: scheduler.name, path: '/jobs/' }] };
  const said = (more: Parameters<typeof plan>[0]) => (plan({ served, ...more })?.warnings ?? []).map((w) => w.en);
  expect(said({})).toEqual([]);
  const preloading = { ...scheduler, settings: { preload_app: true } };
  expect(said({ programs: { ...updateFacts().programs, scheduler: preloading, companions: [preloading] } })).toEqual([
    'whalefall_scheduler is restarted: requests to /jobs/ fail until it has booted again (the container is not restarted).',
  ]);
});

it('says what it takes as it lies in the deploy directory', () => {
  const directories = [{ path: 'web/dist', base: '/opt/whalefall', written: Date.UTC(2026, 0, 2, 3, 4) }];
  const said = (plan({ artefacts: { directories, files: new Map() } })?.warnings ?? []).map((w) => w.en);
  expect(said).toEqual([
    expect.stringMatching(/^web\/dist is taken as it lies in the deploy directory, built on 2026-01-02T03:04Z/),
  ]);
});

it('saves local changes first of all', () => {
  expect(steps({ local: { ...noLocalChanges, none: false } })[0]?.id).toBe('save-local');
});

it('has nothing to do when that commit runs, every file of it, at its schema', () => {
  const { source } = updateFacts();
  const running = { ...updateFacts().running, commit: source.commit };
  expect(plan({ running, files: same })).toBeUndefined();
  expect(plan({ running: { ...running, certain: false }, files: same })).toBeDefined();
  expect(plan({ running, files: same, pending: true })).toBeDefined();
  expect(plan({ running, files: same, outdated: true })).toBeDefined();
  expect(plan({ running, files: same, pendingRestart: 'rolling' })).toBeDefined();
  expect(plan({ running, files: { ...same, remove: ['a'] } })).toBeDefined();
  expect(plan({ running, files: same, copies: [{ from: 'a', to: '/b' }] })).toBeDefined();
  expect(plan({ files: same })).toBeDefined();
});

it('has something to do where the image, or the site, of what runs is asked for', () => {
  const running = { ...updateFacts().running, commit: updateFacts().source.commit };
  for (const choice of [{ bake: true }, { syncSite: true }])
    expect(steps({ running, files: same, tree: withSite }, choice).map((s) => s.id)).toContain('settle');
});

const refusal = (more: Parameters<typeof updateFacts>[0]) => {
  try {
    plan(more);
  } catch (error) {
    return error as { kind: string; what: { en: string }; next: readonly { en: string }[] };
  }
  throw new Error('not refused');
};

it('refuses a stamp that is too low where a migration is in sight, and only there', () => {
  const facts = { schema: { kind: 'versioned', revision: '20251231120100', looksLike: '20260104120000' } } as const;
  const refused = refusal({ ...facts, newMigrations: ['migrations/versions/a.py'] });
  expect(refused.what.en).toContain('stamped 20251231120100, but its tables are already those of 20260104120000');
  expect(refused.next[0]?.en).toContain('db stamp 20260104120000');
  expect(plan(facts)).toBeDefined();
  const back = { ...options, direction: 'back' } as const;
  expect(planUpdate(target, updateFacts({ ...facts, newMigrations: ['a'] }), back)).toBeDefined();
});

it('promises to set a stamp only where one is missing and will be set', () => {
  const said = (schema: Parameters<typeof updateFacts>[0], choice: Partial<UpdateOptions> = {}) =>
    (planUpdate(target, updateFacts(schema), { ...options, ...choice })?.warnings ?? []).map((w) => w.en).join();
  const unstamped = { schema: { kind: 'unversioned', tables: 9, revision: '20251231120100' } } as const;
  expect(said(unstamped)).toContain('no Alembic stamp');
  expect(said(unstamped, { direction: 'back' })).toBe('');
  expect(said({ schema: { kind: 'empty' } })).toBe('');
});

it('refuses to use the nginx site of a release that has none', () => {
  const { from } = target.release.site;
  const sync = { ...options, syncSite: true };
  expect(() => planUpdate(target, updateFacts(), sync)).toThrow(`has no ${from}, so there is no nginx site`);
  expect(planUpdate(target, updateFacts({ tree: withSite }), sync)).toBeDefined();
});

it.each([
  ['index.lock', /index\.lock/, /remove \.git\/index\.lock/],
  ['merge', /A merge is in progress/, /Finish or abort it/],
  ['bisect', /A bisect is in progress/, /git status says how/],
])(
  'refuses while git is at something in the deploy directory, and names no command that there is not: %s',
  (operation, what, next) => {
    const refused = refusal({ local: { ...noLocalChanges, inProgress: operation } });
    expect(refused.what.en).toMatch(what);
    expect(refused.next.map((n) => n.en).join()).toMatch(next);
    expect(refused.next.map((n) => n.en).join()).not.toContain('--abort');
  },
);

it('refuses what needs a new image, file by file, and says what to run instead', () => {
  const why = { en: 'dependencies changed', zh: '依赖有变化' };
  const refused = refusal({
    rebuildReasons: [
      { path: 'uv.lock', why },
      { path: 'Dockerfile.prod', why },
    ],
  });
  expect(refused.kind).toBe('precondition');
  expect(refused.what.en).toContain('uv.lock: dependencies changed');
  expect(refused.what.en).toContain('Dockerfile.prod');
  expect(refused.next.map((n) => n.en).join()).toContain('deploy-prod-all.ts');
});

it('refuses a site that only the image has, unless it is to be used at once', () => {
  const why = { en: 'the image has it elsewhere', zh: '镜像中另有一份' };
  const facts = { tree: withSite, rebuildReasons: [{ path: target.release.site.from, why }] };
  expect(refusal(facts).what.en).toContain('the image has it elsewhere');
  expect(steps(facts, { syncSite: true })).not.toEqual([]);
});

const hidden = { mount: { kind: 'volume', source: 'front', target: '/app/web' } as const, files: 3, built: [] };

it('refuses to call released what a mount hides, unless the configuration leaves it alone', () => {
  const refused = refusal({ hidden: [{ ...hidden, isKept: false }] });
  expect(refused.what.en).toContain('/app/web is mounted (front), and hides 3 files of the release');
  expect(refused.next.map((n) => n.en).join()).toContain('"kept": [".env", ".venv", "web"]');
  const warnings = plan({ hidden: [{ ...hidden, isKept: true }] })?.warnings.map((w) => w.en);
  expect(warnings).toEqual([expect.stringContaining('What is there is not released')]);
});

it('tells what compose said, what .env lacks, and what of it this does not bring', () => {
  const { stack } = updateFacts();
  const said = plan({
    stack: { ...stack, warnings: ['The "MAIL_HOST" variable is not set. Defaulting to a blank string.', 'odd \u001b'] },
    example: { missing: ['NEW_ONE'], unchanged: ['SECRET_KEY'], placeholders: [], weak: [] },
    envChange: { names: ['LOG_LEVEL'], isKept: true },
  })?.warnings.map((w) => w.en);
  expect(said).toEqual([
    expect.stringMatching(/uses MAIL_HOST, which nothing sets/),
    'docker compose: odd \\x1b',
    expect.stringMatching(/lacks: NEW_ONE\./),
    expect.stringMatching(/everybody can read: SECRET_KEY\./),
    expect.stringMatching(/changed since the container was made: LOG_LEVEL\..*apply-env/),
  ]);
});

it('refuses where nobody can see whether the workers serve', () => {
  const facts = updateFacts().programs;
  const all = facts.all.map((p) => ({ ...p, changesUser: p.name === scheduler.name }));
  expect(() => plan({ programs: { ...facts, all } })).toThrow(
    /whalefall_scheduler: gunicorn itself makes its workers another user/,
  );
  expect(plan()).toBeDefined();
});

it('refuses to overwrite what is not from git', () => {
  expect(refusal({ files: { ...same, inTheWay: ['app/\u001b[2J'] } }).what.en).toContain('app/\\x1b[2J');
});

it('warns where it had to assume what runs, and of files changed by hand', () => {
  const warnings = plan({
    running: { ...updateFacts().running, certain: false },
    files: { ...updateFacts().files, handEdited: ['app/a.py'] },
  })?.warnings.map((w) => w.en);
  expect(warnings).toEqual([expect.stringContaining('its files tell'), expect.stringContaining('app/a.py')]);
});

it('marks the restart of the container as an interruption, and nothing else', () => {
  const risky = (asked: 'auto' | 'container') =>
    steps({}, { restart: asked })
      .filter((s) => s.risk === 'interrupts')
      .map((s) => s.id);
  expect(risky('auto')).toEqual([]);
  expect(risky('container')).toEqual(['restart']);
});

it('whatever there is: tries before it changes, backs up before it migrates, never migrates on the way back', () => {
  const found = fc.record({
    local: fc.constantFrom(noLocalChanges, { ...noLocalChanges, none: false }),
    pending: fc.boolean(),
    outdated: fc.boolean(),
    files: fc.constantFrom(same, updateFacts().files, { ...same, remove: ['x\n✓'] }, { ...same, inTheWay: ['y'] }),
  });
  const chosen = fc.record({
    direction: fc.constantFrom('forward' as const, 'back' as const),
    restart: fc.constantFrom('auto' as const, 'rolling' as const, 'reload' as const, 'container' as const),
    backup: fc.constantFrom('auto' as const, 'always' as const),
    bake: fc.boolean(),
  });
  fc.assert(
    fc.property(found, chosen, (more, choice) => {
      let planned: readonly PlannedStep[];
      try {
        planned = steps(more, choice);
      } catch (error) {
        expect(error).toMatchObject({ kind: 'precondition', next: expect.arrayContaining([expect.anything()]) });
        return;
      }
      const ids = planned.map((s) => s.id);
      expect(new Set(ids).size).toBe(ids.length);
      if (ids.length === 0) return;
      const changing = planned.filter((s) => s.risk !== 'none');
      expect(planned.some((s) => s.risk === 'deletes')).toBe(false);
      for (const step of changing) if (step.id !== 'settle') expect(step.wayBack, step.id).toBeDefined();
      expect(ids.indexOf('save-local')).toBe(more.local.none ? -1 : 0);
      for (const tried of ['stage', 'check', 'canary']) expect(ids.indexOf(tried)).toBeLessThan(ids.indexOf('switch'));
      expect(ids.indexOf('check')).toBeLessThan(ids.indexOf(changing[0]?.id ?? ''));
      expect(ids.includes('migrate')).toBe(choice.direction === 'forward');
      if (choice.direction === 'forward') expect(ids.indexOf('backup')).toBeLessThan(ids.indexOf('migrate'));
      expect(ids.slice(-2)).toEqual(['prove', 'settle']); // recorded is only what was proved
    }),
  );
});
