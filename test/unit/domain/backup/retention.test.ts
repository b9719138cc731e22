import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Manifest, Stored } from '../../../../lib/domain/backup/manifest.ts';
import { type Retention, sortOut } from '../../../../lib/domain/backup/retention.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-01T00:00:00Z');

type Level = Manifest['verification']['level'];
interface Made {
  readonly days: number;
  readonly database?: string;
  readonly tag?: string | null;
  readonly level?: Level;
  readonly failed?: boolean;
  readonly volume?: boolean;
}

function made({ days, database = 'prod', tag = null, level = 'restored', failed, volume }: Made, at: number): Stored {
  const createdAt = new Date(NOW - days * DAY).toISOString();
  const failure = failed ? { failure: { level: 'restored' as const, what: 'x' } } : {};
  const verification = { level: failed ? ('none' as const) : level, at: createdAt, milliseconds: 1, ...failure };
  const what = volume
    ? { kind: 'volume', volume: { name: database } }
    : { kind: 'database', database: { name: database } };
  const manifest = { ...what, id: `b${at}`, createdAt, tag, verification } as unknown as Manifest;
  return { dir: `/backups/b${at}`, manifest };
}

const shelf = (...all: Made[]) => all.map(made);
const gone = (all: readonly Stored[], retention: Retention, needed: readonly string[] = []) =>
  sortOut(all, retention, new Set(needed), NOW).goes.map((g) => g.stored.manifest.id);

describe('what goes', () => {
  it('is what is neither among the newest nor young', () => {
    const all = shelf({ days: 0 }, { days: 1 }, { days: 2 }, { days: 9 }, { days: 20 });
    expect(gone(all, { keep: 2 })).toEqual(['b2', 'b3', 'b4']);
    expect(gone(all, { keepDays: 5 })).toEqual(['b3', 'b4']);
    expect(gone(all, { keep: 4, keepDays: 1 })).toEqual(['b4']);
  });

  it('counts each database and each volume for itself', () => {
    const all = shelf(
      { days: 1 },
      { days: 2 },
      { days: 1, database: 'shop' },
      { days: 3, volume: true, level: 'started' },
    );
    expect(gone(all, { keep: 1 })).toEqual(['b1']);
  });

  it('is never the newest that was restored and compared, however old', () => {
    const all = shelf({ days: 0, level: 'none' }, { days: 1, level: 'readable' }, { days: 400 }, { days: 500 });
    expect(gone(all, { keep: 1 })).toEqual(['b1', 'b3']);
  });

  it('counts one that failed its verification for nothing', () => {
    const all = shelf({ days: 0, failed: true }, { days: 1, failed: true }, { days: 2 });
    expect(gone(all, { keep: 1 })).toEqual(['b0', 'b1']);
  });

  it('is none that is tagged, unless only another tag is kept', () => {
    const all = shelf({ days: 0 }, { days: 5, tag: 'before-2026' }, { days: 6, tag: 'other' });
    expect(gone(all, { keep: 1 })).toEqual([]);
    expect(gone(all, { keep: 1, keepTag: 'before-2026' })).toEqual(['b2']);
  });

  it('is none that a release names', () => {
    expect(gone(shelf({ days: 0 }, { days: 5 }, { days: 6 }), { keep: 1 }, ['b2'])).toEqual(['b1']);
  });

  it('is none from the future: the clock was wrong then or is now', () => {
    expect(gone(shelf({ days: -3 }, { days: 5 }), { keepDays: 1 })).toEqual(['b1']);
  });
});

describe('whatever there is and whatever the numbers are', () => {
  const level = fc.constantFrom<Level>('none', 'checksum', 'readable', 'restored');
  const one = fc.record({
    days: fc.integer({ min: -2, max: 60 }),
    database: fc.constantFrom('prod', 'shop'),
    tag: fc.option(fc.constantFrom('a', 'b'), { nil: null }),
    level,
    failed: fc.boolean(),
  });
  const all = fc.array(one, { maxLength: 25 }).map((a) => a.map(made));
  const retention = fc.record(
    { keep: fc.integer({ min: 1, max: 9 }), keepDays: fc.integer({ min: 1, max: 50 }) },
    { requiredKeys: [] },
  );
  const needed = fc.uniqueArray(
    fc.integer({ min: 0, max: 24 }).map((n) => `b${n}`),
    { maxLength: 4 },
  );

  it('everything goes or stays, and the proved, the tagged and the needed stay', () => {
    fc.assert(
      fc.property(all, retention, needed, (stored, rule, names) => {
        const { goes, stays } = sortOut(stored, rule, new Set(names), NOW);
        const going = new Set(goes.map((g) => g.stored));
        expect(new Set([...going, ...stays.map((s) => s.stored)])).toEqual(new Set(stored));
        expect(goes.length + stays.length).toBe(stored.length);
        for (const { manifest } of going) expect([manifest.tag, names.includes(manifest.id)]).toEqual([null, false]);
        for (const name of ['prod', 'shop']) {
          const proved = stored.filter(
            ({ manifest: m }) =>
              m.kind === 'database' && m.database.name === name && m.verification.level === 'restored',
          );
          const newest = Math.max(...proved.map((s) => Date.parse(s.manifest.createdAt)));
          const kept = proved.filter((s) => !going.has(s)).map((s) => Date.parse(s.manifest.createdAt));
          if (proved.length > 0) expect(Math.max(...kept)).toBe(newest);
        }
      }),
    );
  });

  it('asking for more keeps more, and doing it twice is doing it once', () => {
    fc.assert(
      fc.property(all, retention, needed, fc.integer({ min: 1, max: 9 }), (stored, rule, names, more) => {
        const going = gone(stored, rule, names);
        const keep = (rule.keep ?? 0) + more;
        for (const id of gone(stored, { ...rule, keep }, names)) expect(going).toContain(id);
        const left = stored.filter((s) => !going.includes(s.manifest.id));
        expect(gone(left, rule, names)).toEqual([]);
      }),
    );
  });
});
