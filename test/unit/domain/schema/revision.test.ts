import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inspectSchema, judge, SCHEMA_SQL } from '../../../../lib/domain/schema/revision.ts';
import { PROBES } from '../../../../lib/domain/schema/revision-probes.ts';
import type { Database } from '../../../../lib/tools/postgres/psql.ts';
import { testOps } from '../../../support/ops.ts';

const db = { container: { id: 'dbid' }, user: 'app_user', name: 'appdb' } as unknown as Database;
const upTo = (n: number) => PROBES.map((_, i) => i < n);
const revisions = PROBES.map((p) => p.revision);

describe('the probes', () => {
  it('are in the order of their revisions, each once', () => {
    expect(revisions).toEqual([...new Set(revisions)].sort());
    expect(revisions[0]).toBe('20251219161048');
    expect(revisions).toHaveLength(41);
  });
});

describe('judge', () => {
  it('infers the highest revision whose lower ones all hold', () => {
    for (const [i, revision] of revisions.entries()) {
      expect(judge({ tables: 9, versions: null, probes: upTo(i + 1) })).toEqual({
        kind: 'unversioned',
        tables: 9,
        revision,
      });
    }
  });

  it('refuses every gap, and names both sides', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: PROBES.length, maxLength: PROBES.length }), (probes) => {
        const first = probes.indexOf(false);
        const gap = first >= 0 && probes.lastIndexOf(true) > first;
        const act = () => judge({ tables: 1, versions: null, probes });
        if (gap) {
          expect(act).toThrow('contradict');
          expect(act).toThrow(revisions[first] as string);
          expect(act).toThrow(revisions[probes.lastIndexOf(true)] as string);
        } else if (!probes[0]) expect(act).toThrow('not those of any known release');
        else expect(act()).toMatchObject({ revision: revisions[probes.lastIndexOf(true)] });
      }),
    );
  });

  it('takes a database for empty only without any table', () => {
    expect(judge({ tables: 0, versions: null, probes: upTo(0) })).toEqual({ kind: 'empty' });
    expect(judge({ tables: 0, versions: [], probes: upTo(0) })).toEqual({ kind: 'empty' });
    expect(() => judge({ tables: 1, versions: null, probes: upTo(0) })).toThrow('1 tables');
    expect(() => judge({ tables: 5, versions: [], probes: upTo(5) })).toThrow('alembic_version is empty');
  });

  it('refuses several stamps', () => {
    expect(() => judge({ tables: 5, versions: ['a', 'b'], probes: upTo(5) })).toThrow('2 revisions (a, b)');
  });

  it('believes a stamp, and notices one that is too low', () => {
    const stamped = (revision: string, n: number) => judge({ tables: 5, versions: [revision], probes: upTo(n) });
    expect(stamped('20251224134000', 3)).toEqual({ kind: 'versioned', revision: '20251224134000' });
    expect(stamped('20251224134000', 6)).toEqual({
      kind: 'versioned',
      revision: '20251224134000',
      looksLike: '20251230183000',
    });
    expect(stamped('20251224152000', 3)).not.toHaveProperty('looksLike');
    expect(stamped('20251224152000', 4)).toMatchObject({ looksLike: '20251224164000' });
    expect(stamped('20991231000000', PROBES.length)).not.toHaveProperty('looksLike');
    expect(stamped('9b3c2f1e8b70', PROBES.length)).not.toHaveProperty('looksLike');
  });
});

describe('inspectSchema', () => {
  it('asks everything in one query', async () => {
    const ops = testOps(() => ({ stdout: `${JSON.stringify({ tables: 3, versions: null, probes: upTo(2) })}\n` }));
    expect(await inspectSchema(ops, db)).toMatchObject({ kind: 'unversioned', revision: '20251224120000' });
    expect(ops.scripted.calls).toHaveLength(1);
    expect(ops.scripted.calls[0]?.input).toContain(SCHEMA_SQL);
  });

  it.each([
    ['fails', { exitCode: 2, stderr: 'connection refused' }],
    ['answers nothing', { stdout: '' }],
    ['answers with fewer probes', { stdout: '{"tables":0,"versions":null,"probes":[]}\n' }],
    ['answers nonsense', { stdout: 'psql: warning\n' }],
  ])('never takes a query that %s for an empty database', async (_what, reply) => {
    await expect(
      inspectSchema(
        testOps(() => reply),
        db,
      ),
    ).rejects.toThrow();
  });
});
