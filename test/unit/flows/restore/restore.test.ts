import { describe, expect, it } from 'vitest';
import type { Facts } from '../../../../lib/domain/restoration/facts.ts';
import { restoreRequest } from '../../../../lib/domain/restoration/losses.ts';
import { keptBeside } from '../../../../lib/domain/restoration/steps.ts';
import { conclude, type Restored } from '../../../../lib/flows/restore/conclude.ts';
import { begin } from '../../../../lib/flows/restore/steps.ts';
import { plannedOf } from '../../../../lib/runs/steps/steps.ts';
import { container, identity } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call } from '../../../support/scripted-spawn.ts';
import { updateFacts } from '../../../support/update-facts.ts';
import { DB, storedBackup } from '../../domain/backup/backup.fakes.ts';
import { cluster } from '../../tools/postgres/cluster.fake.ts';

const BEFORE = 'whalefall_before_20260102t030405z';
const INCOMING = 'whalefall_restoring_20260102t030405z';

const PLAIN = { kind: 'plain', why: { en: '', zh: '' } } as const;

/** A server with databases, and an application whose programs can be made to stand still. */
function world(databases: Set<string>) {
  let state = 'running';
  const told: string[] = [];
  const app = container('app');
  const inspected = () => [
    {
      Id: app.id,
      Name: app.name,
      Image: app.imageId,
      RestartCount: 0,
      Mounts: [],
      State: { StartedAt: '2026-01-01T00:00:00Z', FinishedAt: '0001-01-01T00:00:00Z', Status: 'running' },
      Config: { Labels: null },
      NetworkSettings: { Ports: null, Networks: {} },
    },
  ];
  const ops = testOps(
    cluster(databases, ({ argv }: Call) => {
      if (argv[1] === 'inspect') return { stdout: JSON.stringify(inspected()) };
      if (!argv.includes('-i') || argv[1] !== 'exec' || !argv.includes(app.id)) return undefined;
      const answer = (line: string) => {
        if (line.startsWith('"')) return '{"ready": true}';
        state = (JSON.parse(line) as { freeze: boolean }).freeze ? 'frozen' : 'running';
        told.push(state);
        return '{"frozen": 3, "moving": 0}';
      };
      return { talk: { answer, end: () => undefined } };
    }),
  );
  return { ops, state: () => state, told };
}

async function factsFor(ops: Parameters<typeof storedBackup>[0], more: Partial<Facts> = {}): Promise<Facts> {
  const { stack } = updateFacts();
  const stored = await storedBackup(ops);
  return {
    stack,
    database: DB,
    identity,
    app: container('app'),
    before: { name: 'whalefall', oid: 16384, bytes: 8_000_000 },
    health: { healthy: true, checks: [] },
    served: undefined,
    incoming: { kind: 'backup', stored, roles: 'needed', roleDifferences: [], missingTablespaces: [] },
    rows: undefined,
    left: [],
    disk: undefined,
    swapped: undefined,
    at: Date.parse('2026-01-02T03:04:05Z'),
    ...more,
  };
}

describe('a restore that is taken back', () => {
  it('gives the names back, lets the application go on, and keeps what people were served by', async () => {
    const there = new Set(['postgres', 'whalefall']);
    const { ops, state } = world(there);
    const facts = await factsFor(ops);
    const { restore, hold, swap } = begin(ops, facts, PLAIN).steps;
    const beside = await restore?.run(ops);
    if (!beside) throw new Error('nothing was restored');
    expect(there).toContain(INCOMING);
    await hold?.run(ops);
    expect(state()).toBe('frozen');
    expect(await swap.run(ops, beside)).toBe(BEFORE);
    expect([...there].sort()).toEqual(['postgres', 'whalefall', BEFORE]);

    await swap.undo?.(ops, beside);
    await hold?.undo?.(ops);
    await restore?.undo?.(ops);
    expect([...there].sort()).toEqual([
      'postgres',
      'whalefall',
      expect.stringMatching(/^whalefall_before_(?!20260102t030405z)/),
    ]);
    expect(state()).toBe('running');
  });

  it('swaps nothing that was not swapped, and does not wake what does not stand still', async () => {
    const { ops, told } = world(new Set(['postgres', 'whalefall']));
    const facts = await factsFor(ops);
    const { restore, hold, swap } = begin(ops, facts, PLAIN).steps;
    const beside = await restore?.run(ops);
    if (!beside) throw new Error('nothing was restored');
    await swap.undo?.(ops, beside);
    await hold?.undo?.(ops);
    expect(ops.scripted.calls.some((c) => c.input.includes('RENAME'))).toBe(false);
    expect(told).toEqual([]);
  });

  it('never drops a database that was there before', async () => {
    const there = new Set(['postgres', 'whalefall', BEFORE]);
    const { ops } = world(there);
    const facts = await factsFor(ops, { incoming: { kind: 'kept', database: BEFORE, rows: undefined } });
    expect((await keptBeside(ops, facts)).incoming).toBe(BEFORE);
    // Nothing is restored that could be discarded.
    expect(begin(ops, facts, PLAIN).steps.restore).toBeUndefined();
  });
});

it('refuses to return to a database that is not there', async () => {
  const { ops } = world(new Set(['postgres', 'whalefall']));
  const facts = await factsFor(ops, { incoming: { kind: 'kept', database: 'nosuch', rows: undefined } });
  await expect(keptBeside(ops, facts)).rejects.toMatchObject({
    kind: 'precondition',
    what: { en: expect.stringContaining('nosuch') },
  });
});

it('does not call proved what the code can not read: a schema that it does not know', async () => {
  const { ops } = world(new Set());
  const facts = await factsFor(ops);
  const [noticed, health] = [undefined, { en: '', zh: '' }];
  const seen = { held: 0, turnedAway: 0, cut: 0 };
  const said = (code: Restored['proven']['code']) => {
    const proven = { revision: '2026', code, healthy: true, health };
    return conclude(ops, facts, { kept: undefined, proven, noticed, seen });
  };
  expect(said(undefined).en).not.toContain('but:');
  expect(said({ head: '2026', known: true }).en).not.toContain('but:');
  expect(said({ head: '2025', known: false }).en).toMatch(/but: .*revision 2026, .*needs 2025.*does not know/);
  expect(said({ head: '2025', known: false }).zh).toMatch(/但: .*2026.*2025.*不认识/);
});

describe('the plan', () => {
  it('stops nobody while the backup is restored, and has only what runs stand still', async () => {
    const { ops } = world(new Set());
    const facts = await factsFor(ops);
    const planned = (f: Facts) => plannedOf(begin(ops, f, PLAIN).steps).map((s) => s.id);
    expect(planned(facts)).toEqual(['restore', 'hold', 'swap', 'release', 'prove']);
    const down = { ...facts, app: container('app', { state: 'exited' }) };
    expect(planned(down)).toEqual(['restore', 'swap', 'prove']);
  });

  it('names, table by table, what was written since, and the database in the phrase', async () => {
    const { ops } = world(new Set());
    const facts = await factsFor(ops);
    if (facts.incoming.kind !== 'backup') throw new Error('no backup');
    const [table] = facts.incoming.stored.manifest.contents.tables;
    if (!table) throw new Error('no table');
    const rows = [
      { schema: table.schema, name: table.name, rows: table.rows + 3, exact: true },
      { schema: 'public', name: 'new\u001b[2J', rows: 7, exact: false },
    ];
    const { losses, phrase, volumes } = restoreRequest({ ...facts, rows });
    expect(phrase).toBe('RESTORE whalefall');
    expect(volumes).toEqual([]);
    expect(losses.map(([what, value]) => `${what.en}: ${value.en}`)).toEqual([
      `rows in ${table.schema}.${table.name}: ${table.rows + 3} → ${table.rows}`,
      'rows in public.new\\x1b[2J: ≈ 7 → -',
    ]);
  });
});
