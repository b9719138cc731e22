import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Drill, KEPT, lastDrillText, readDrills, recordDrill } from '../../../../lib/domain/ledger/drills.ts';
import { testOps } from '../../../support/ops.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const drill = (more: Partial<Drill> = {}): Drill => ({
  version: 1,
  at: '2025-12-30T03:00:00.000Z',
  run: '20251230T030000Z-rehearse',
  backup: '20251229T010000Z-whalefall',
  commit: 'c0ffee',
  outcome: 'recovered',
  failed: null,
  dataAge: 3_600_000,
  databaseBytes: 12_000_000,
  took: { recover: 41_200, restore: 2_000, migrate: 3_000, boot: 9_000 },
  migrations: [],
  longestLock: null,
  cpus: 1,
  ...more,
});
const noOps = () => testOps(() => undefined);

describe('the record of drills', () => {
  it('gives back what was written, oldest first, and leaves out a line that a crash has torn', async () => {
    const { paths } = noOps();
    expect(readDrills(paths)).toEqual([]);
    await recordDrill(paths, drill({ backup: 'one' }));
    appendFileSync(path.join(paths.state, 'drills'), '{"version":1,"at":"2026-\n');
    await recordDrill(paths, drill({ backup: 'two' }));
    expect(readDrills(paths).map((d) => d.backup)).toEqual(['one', 'two']);
  });

  it('keeps the newest and no more than so many', async () => {
    const { paths } = noOps();
    const file = path.join(paths.state, 'drills');
    for (let i = 0; i < KEPT; i += 1) appendFileSync(file, `${JSON.stringify(drill({ backup: `b${i}` }))}\n`);
    await recordDrill(paths, drill({ backup: 'newest' }));
    const kept = readDrills(paths).map((d) => d.backup);
    expect(kept).toHaveLength(KEPT);
    expect([kept[0], kept.at(-1)]).toEqual(['b1', 'newest']);
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(KEPT + 1);
  });

  it('writes nothing that it could not read again', async () => {
    const { paths } = noOps();
    await expect(recordDrill(paths, drill({ at: 'yesterday' }))).rejects.toThrow();
  });
});

describe('what other scripts say of the last drill', () => {
  it.each([
    ['recovered, days ago', drill(), '3 d ago: recovered in 41 s'],
    ['recovered just now', drill({ at: '2026-01-02T03:04:00.000Z' }), '5 s ago: recovered in 41 s'],
    ['with a clock that was set back', drill({ at: '2026-01-03T03:04:00.000Z' }), '0 s ago: recovered in 41 s'],
    [
      'failed',
      drill({ at: '2026-01-02T01:00:00.000Z', outcome: 'failed', failed: { step: 'migrate', why: 'x' } }),
      '2 h ago: FAILED (migrate); again: npx tsx scripts/rehearse.ts',
    ],
  ])('%s', async (_what, last, said) => {
    const { paths } = noOps();
    await recordDrill(paths, drill({ outcome: 'failed', failed: { step: 'boot', why: 'x' } }));
    await recordDrill(paths, last);
    expect(lastDrillText(paths, NOW).en).toBe(said);
  });

  it('none: what to type; and it is found under --plan, where the state directory is another', async () => {
    const { paths } = noOps();
    const planned = { ...paths, state: '/nowhere' };
    expect(lastDrillText(planned, NOW).en).toBe('no drill yet: npx tsx scripts/rehearse.ts');
    await recordDrill(paths, drill());
    expect(lastDrillText(planned, NOW).en).toContain('recovered');
  });
});
