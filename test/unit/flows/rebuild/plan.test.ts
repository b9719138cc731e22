import fc from 'fast-check';
import { expect, it } from 'vitest';
import { targetFor } from '../../../../lib/core/target.ts';
import { same } from '../../../../lib/core/text.ts';
import type { HoldFacts } from '../../../../lib/domain/hold/survey.ts';
import type { Facts } from '../../../../lib/domain/stack/deployment.ts';
import { conclude } from '../../../../lib/flows/rebuild/conclude.ts';
import { deletionRequest, planRebuild } from '../../../../lib/flows/rebuild/plan.ts';
import { begin } from '../../../../lib/flows/rebuild/steps.ts';
import { container, facts, identity, nothingYet, runningDatabase, volume } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

const WEB = { target: 80, published: 8080, hostIp: '0.0.0.0', protocol: 'tcp' } as const;
const target = targetFor('/srv/shop');
const PLAIN: HoldFacts = { kind: 'plain', why: same('no iptables') };

/** The plan with its steps. */
function planned(found: Facts, data: 'keep' | 'delete') {
  const plan = planRebuild(target, found, data, PLAIN);
  const { steps } = begin(target, found, plan);
  return { ...plan, steps: Object.values(steps).filter((s) => s !== undefined) };
}

const ids = ({ steps }: ReturnType<typeof planned>) => steps.map((s) => s.id);

it('installs on an empty machine without backup, stop or removal', () => {
  expect(ids(planned(nothingYet(), 'keep'))).toEqual([
    'build',
    'try',
    'start-stores',
    'connection',
    'migrate',
    'admin',
    'start-app',
    'prove',
  ]);
});

it('keeps data: builds, tries and backs up before anything stops', () => {
  expect(ids(planned(facts(), 'keep'))).toEqual([
    'build',
    'try',
    'backup',
    'create',
    'stop',
    'final-backup',
    'start-stores',
    'connection',
    'migrate',
    'admin',
    'start-app',
    'prove',
  ]);
});

it('deletes only after stop and the backup that counts', () => {
  const plan = planned(facts(), 'delete');
  expect(ids(plan)).toEqual([
    'build',
    'try',
    'backup',
    'prepare',
    'create',
    'stop',
    'final-backup',
    'remove',
    'start-stores',
    'connection',
    'migrate',
    'admin',
    'start-app',
    'prove',
  ]);
  expect(plan.steps.find((s) => s.id === 'remove')).toMatchObject({
    risk: 'deletes',
    commands: expect.arrayContaining(['docker volume rm shop_postgres_data shop_redis_data']),
  });
});

it.each([
  ['a volume that another container has mounted', { volumes: [volume('redis', { usedByOthers: ['spy'] })] }, 'spy'],
  ['a volume whose files stay', { volumes: [volume('redis', { filesStay: true })] }, 'docker volume rm would leave'],
  ['an external volume', { volumes: [volume('postgres', { external: true })] }, 'external'],
] as const)('refuses to delete %s with exit code 3', (_what, more, text) => {
  expect(() => planRebuild(target, facts(more), 'delete', PLAIN)).toThrow(
    expect.objectContaining({ kind: 'precondition', exitCode: 3, message: expect.stringContaining(text) }),
  );
});

it('says all refusals at once', () => {
  const bad = facts({
    volumes: [volume('postgres', { project: 'a' }), volume('redis', { external: true, usedByOthers: ['spy'] })],
    unusablePorts: [{ port: WEB, why: 'taken' }],
  });
  expect(() => planRebuild(target, bad, 'delete', PLAIN)).toThrow(/shop_postgres_data.*8080.*external.*spy/s);
});

it('accepts a volume made by hand, which bears no label', () => {
  const plan = planRebuild(target, facts({ volumes: [volume('postgres', { project: undefined })] }), 'delete', PLAIN);
  expect(plan.deletes.map((v) => v.name)).toEqual(['shop_postgres_data']);
});

it('names in the consent what would be lost', () => {
  const full = facts({
    database: {
      kind: 'running',
      bytes: 12_000_000,
      tables: 3,
      largest: [
        { name: 'users', rows: 7, exact: true, newest: '2026-01-01' },
        { name: 'logs', rows: 1e9, exact: false, newest: undefined },
      ],
      revision: undefined,
      remoteTrust: 0,
      identity,
      empty: false,
    },
  });
  const request = deletionRequest(target, full, planRebuild(target, full, 'delete', PLAIN));
  expect(request.phrase).toBe('DELETE ALL DATA');
  expect(request.volumes.map((v) => v.name)).toEqual(['shop_postgres_data', 'shop_redis_data']);
  const rows = request.losses.map(([label, value]) => `${label.en}: ${value.en}`);
  expect(rows).toEqual([
    'database size: 12.0 MB',
    'tables: 3',
    'rows in users: 7  (2026-01-01)',
    'rows in logs: ≈ 1000000000',
    'database postgres: 7.0 MB',
    'database shop: 12.0 MB',
    'userdata: saved as userdata.tar in the directory of this run, and not put back: uploads, exports, logs',
  ]);
});

it('says nothing of userdata in the consent where it is a volume, or lost', () => {
  const mounts = [{ kind: 'volume', source: 'shop_userdata', target: '/app/userdata' }] as const;
  const mounted = facts({ containers: { app: container('app', { mounts }) } });
  const { app } = facts();
  const unreachable = { why: same('no such mount'), certain: true };
  const lost = facts(app && { app: { ...app, unreachable } });
  for (const found of [mounted, lost]) {
    const { losses } = deletionRequest(target, found, planRebuild(target, found, 'delete', PLAIN));
    expect(losses.map(([, value]) => value.en).join()).not.toContain('userdata.tar');
  }
});

it('names in the summary of a deletion where userdata is kept, and how it comes back', () => {
  const ops = testOps(() => ({}));
  const { run } = begin(ops.target, facts(), planRebuild(ops.target, facts(), 'delete', PLAIN));
  Object.assign(run, {
    removed: true,
    userdata: { file: '/runs/now/userdata.tar', bytes: 1 },
    replaced: { app: { next: 'fedcba9876543210' } },
  });
  const [text, health] = [same('-'), { healthy: true, checks: [] }];
  const proven = { health, tables: 0, commit: undefined, imageId: 'sha256:new', container: text, database: text };
  conclude(ops, run, { ...proven, besides: [] }, undefined);
  const rows = ops.shown
    .flatMap((e) => (e.event === 'table' ? e.rows : []))
    .map(([label, value]) => [label.en, value.en]);
  expect(rows).toContainEqual(['userdata', '/runs/now/userdata.tar']);
  const said = ops.shown.flatMap((e) => (e.event === 'info' ? [e.text] : []));
  for (const language of ['en', 'zh'] as const)
    expect(said.map((t) => t[language]).join('\n')).toContain(
      'docker stop fedcba987654 && docker cp - fedcba987654:/app < /runs/now/userdata.tar; docker start fedcba987654',
    );
});

it('warns of local changes and of an open database', () => {
  const plan = planRebuild(
    target,
    facts({
      checkout: { commit: 'c', subject: 's', changed: [' M app.py'] },
      app: {
        userdataBytes: 0,
        commit: undefined,
        running: undefined,
        released: undefined,
        serving: true,
        served: undefined,
        programs: [],
        holdsState: false,
        image: 'named',
      },
      database: { ...runningDatabase, remoteTrust: 1 },
    }),
    'keep',
    PLAIN,
  );
  expect(plan.warnings.map((w) => w.text.en).join('\n')).toMatch(/app\.py.*WITHOUT A PASSWORD/s);
});

it('names the services that it leaves on the former code, and how to bring the new one there', () => {
  const { stack } = facts();
  const plan = planRebuild(
    target,
    facts({ stack: { ...stack, leftAlone: [{ name: 'worker', code: 'image', runs: true }] } }),
    'keep',
    PLAIN,
  );
  const [warning] = plan.warnings.filter((w) => w.text.en.includes('worker'));
  expect(warning?.fix?.en).toMatch(/up -d --no-deps worker$/);
});

const anyVolume = fc.record({
  role: fc.constantFrom('postgres' as const, 'redis' as const),
  name: fc.constantFrom('shop_pg', 'shop_redis', 'whalefall_dev_pg', '-rf'),
  project: fc.option(fc.constantFrom('shop', 'whalefall_dev'), { nil: undefined }),
  external: fc.boolean(),
  filesStay: fc.boolean(),
  usedByOthers: fc.array(fc.constant('other'), { maxLength: 1 }),
});
const anyFacts = fc
  .record({
    volumes: fc.array(
      anyVolume.map(({ role, ...more }) => volume(role, more)),
      { maxLength: 3 },
    ),
    app: fc.option(fc.constant(facts().app), { nil: undefined }),
    database: fc.constantFrom(
      facts().database,
      { kind: 'stopped' as const, found: undefined },
      { kind: 'unreadable' as const, why: same('x'), fix: same('y') },
    ),
  })
  .map((more) =>
    facts({ ...more, ...(more.volumes.some((v) => v.role === 'postgres') ? {} : { database: { kind: 'none' } }) }),
  );

it('never deletes without a backup before it, nor anything that is not this project’s own', () => {
  fc.assert(
    fc.property(anyFacts, fc.constantFrom('keep' as const, 'delete' as const), (any, data) => {
      let plan: ReturnType<typeof planned>;
      try {
        plan = planned(any, data);
      } catch {
        return;
      }
      const order = ids(plan);
      const remove = order.indexOf('remove');
      if (data === 'keep') expect(remove).toBe(-1);
      if (remove >= 0 && any.database.kind !== 'none') {
        expect(order.indexOf('final-backup')).toBeGreaterThan(order.indexOf('backup'));
        expect(remove).toBeGreaterThan(order.indexOf('final-backup'));
      }
      for (const v of plan.deletes) {
        expect([undefined, 'shop']).toContain(v.project);
        expect(v.external || v.filesStay || v.usedByOthers.length > 0).toBe(false);
      }
      // Whatever can fail without harm comes before the first interruption.
      const interrupting = plan.steps.findIndex((s) => s.risk !== 'none');
      expect(order.indexOf('try')).toBeLessThan(interrupting);
    }),
  );
});

it.each([
  [{ kind: 'stopped', found: [] }, '未运行'],
  [{ kind: 'unreadable', why: same('x'), fix: same('y') }, '运行中, 但无法读取: x'],
] as const)('says in Chinese, too, of a database that can not be asked: %o', (database, zh) => {
  const found = facts({ database });
  const { losses } = deletionRequest(target, found, planRebuild(target, found, 'delete', PLAIN));
  expect(losses[0]?.[1].zh).toBe(zh);
});

it('asks consent for exactly what it deletes, says what each changing step would lose and how it is undone', () => {
  const kinds = fc.record({ containers: fc.boolean(), storesCurrent: fc.boolean() });
  fc.assert(
    fc.property(anyFacts, kinds, fc.constantFrom('keep' as const, 'delete' as const), (any, kind, data) => {
      const found = {
        ...any,
        containers: kind.containers ? any.containers : {},
        storesCurrent: kind.storesCurrent,
      };
      let plan: ReturnType<typeof planned>;
      try {
        plan = planned(found, data);
      } catch (error) {
        expect(error).toMatchObject({ kind: 'precondition' });
        return;
      }
      expect(new Set(ids(plan)).size).toBe(plan.steps.length);
      // What deletes is one step; consent is asked for its volumes, and no other command of the plan removes any.
      const deleting = plan.steps.filter((s) => s.risk === 'deletes');
      expect(deleting.map((s) => s.id)).toEqual(plan.deletes.length > 0 ? ['remove'] : []);
      const named = deletionRequest(target, found, plan).volumes.map((v) => v.name);
      expect(named).toEqual(plan.deletes.map((v) => v.name));
      for (const step of plan.steps) {
        const removes = step.commands.some((c) =>
          /volume (rm|prune)|down.* -v|rm -rf/.test(typeof c === 'string' ? c : c.en),
        );
        expect(removes).toBe(step.risk === 'deletes');
        expect(step.loses !== undefined).toBe(step.risk === 'deletes');
        for (const volume of step.risk === 'deletes' ? named : []) expect(step.loses?.en).toContain(volume);
        // Stores that were configured anew stay so: what they hold is the former application's as well.
        const undone = (step.risk !== 'none' && step.id !== 'start-stores') || step.id === 'migrate';
        if (undone) expect(step.wayBack, step.id).toBeDefined();
        if (step.wayBack) expect(step.undo, step.id).toBeDefined();
      }
      expect(order(plan, 'build', 'try', 'backup', 'prepare', 'stop', 'final-backup', 'remove', 'start-stores')).toBe(
        true,
      );
      expect(order(plan, 'remove', 'start-stores', 'connection', 'migrate', 'admin', 'start-app', 'prove')).toBe(true);
    }),
  );
});

/** Those of the steps that are there come in this order. */
function order(plan: ReturnType<typeof planned>, ...wanted: string[]): boolean {
  const at = wanted.map((id) => ids(plan).indexOf(id)).filter((i) => i >= 0);
  return at.every((i, n) => n === 0 || i > (at[n - 1] ?? 0));
}
