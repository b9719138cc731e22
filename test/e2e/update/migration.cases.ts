import { expect, it } from 'vitest';
import { lockNotes, stepBegins } from './disturb.ts';
import { expectNew, expectOld } from './judge.ts';
import { began, finished, update } from './run.ts';
import type { Stack } from './stack.ts';

const AUTHOR = '20260601090000_add_note_author';
const MOOD = '20260601120000_add_note_mood';
const FIRST = '20251231120100';

/** Releases with pending migrations. In this order: the schema only goes forward. */
export function migrationCases(stack: () => Stack): void {
  const columns = () =>
    stack().sql(
      "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'notes'",
    );
  const notes = () => stack().sql('SELECT count(*) FROM notes');

  it('keeps release, schema and rows when a migration fails half-way', async () => {
    stack().sql("INSERT INTO notes (text) VALUES ('must survive')");
    const before = [columns(), notes()];
    await stack().release({ migrations: ['20260601100000_fails_halfway'] });
    const run = await update(stack());
    await expectOld(stack(), run, 1);
    expect(began(run, 'migrate'), run.text).toBe(true);
    expect(run.text).toContain('no_such_table');
    expect(stack().revision()).toBe(FIRST);
    expect([columns(), notes()]).toEqual(before);
  });

  it('does not begin while a transaction has been holding a lock on what the migration needs', async () => {
    await stack().release({ migrations: [AUTHOR] });
    const release = await lockNotes(stack(), 'ACCESS EXCLUSIVE');
    const run = await update(stack()).finally(release);
    await expectOld(stack(), run, 3);
    expect(run.text).toContain('nightly-report');
    expect(stack().revision()).toBe(FIRST);
  });

  it('gives up a migration whose lock is taken by a transaction begun just before', async () => {
    await stack().release({ migrations: [AUTHOR] });
    let release = async () => {};
    const run = await update(stack(), ['--json'], {
      // Readers' lock: the backup goes on beside it, a change of the table does not.
      during: async (running) => {
        await stepBegins(running, 'backup');
        release = await lockNotes(stack(), 'ACCESS SHARE');
      },
    }).finally(() => release());
    await expectOld(stack(), run, 1);
    expect(began(run, 'migrate'), run.text).toBe(true);
    expect(finished(run, 'migrate'), run.text).toBe(false);
    expect(run.text).toContain('nightly-report');
    expect(stack().revision()).toBe(FIRST);
  });

  it('leaves the old code serving on the new schema when the canary fails, and tells the way back', async () => {
    await stack().release({ migrations: [AUTHOR], needs_column: 'flavour' });
    const run = await update(stack());
    await expectOld(stack(), run, 1);
    expect(finished(run, 'migrate'), run.text).toBe(true);
    expect(stack().revision()).toBe('20260601090000');
    const added = run.after.backups.filter((name) => !run.before.backups.includes(name));
    expect(added).toHaveLength(1);
    expect(run.text).toContain(`backups/${added[0]}`);
    expect(run.text).toMatch(/restore/);
  });

  it('goes on from there with the corrected release', async () => {
    const release = await stack().release({ migrations: [AUTHOR] });
    await expectNew(stack(), await update(stack()), release);
    stack().base = release.commit;
  });

  it('migrates after a backup, and only then switches', async () => {
    const release = await stack().release({ migrations: [MOOD], needs_column: 'mood' });
    const run = await update(stack());
    await expectNew(stack(), run, release);
    stack().base = release.commit;
    expect(stack().revision()).toBe('20260601120000');
    const steps = run.journal.flatMap((l) => (l.event === 'step-done' ? [l.step] : []));
    expect(steps).toEqual(['stage', 'check', 'backup', 'migrate', 'canary', 'switch', 'restart', 'prove', 'settle']);
    expect(run.after.backups.length).toBe(run.before.backups.length + 1);
  });

  it('makes no backup without a pending migration', async () => {
    const release = await stack().release();
    const run = await update(stack());
    await expectNew(stack(), run, release);
    expect(run.after.backups).toEqual(run.before.backups);
    expect(began(run, 'backup')).toBe(false);
    expect(began(run, 'migrate')).toBe(false);
  });
}
