import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startLoad } from '../../support/load.ts';
import { runScript } from '../../support/run-script.ts';
import { itInFull, some } from '../thorough.ts';
import { lockNotes, stepBegins } from './disturb.ts';
import { expectNew, expectOld } from './judge.ts';
import { began, finished, update } from './run.ts';
import type { Stack } from './stack.ts';

const AUTHOR = '20260601090000_add_note_author';
const MOOD = '20260601120000_add_note_mood';
const FIRST = '20251231120100';

/** What a migration commits on its way, what is said of that, and what takes it back. */
const COMMITTING = [
  [
    'an index',
    'CREATE INDEX CONCURRENTLY half_way ON notes (text)',
    /a part of them stays although they failed: index public\.half_way/,
    'DROP INDEX half_way',
  ],
  [
    'nothing but rows',
    "INSERT INTO notes (text) VALUES ('on the way')",
    /schema is as before, but \S+_on_the_way\.py commits on its way: rows may have been changed permanently/,
    "DELETE FROM notes WHERE text = 'on the way'",
  ],
] as const;

/** Releases with pending migrations. In this order: the schema only goes forward. */
export function migrationCases(stack: () => Stack): void {
  const columns = () =>
    stack().sql(
      "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'notes'",
    );
  const notes = () => stack().sql('SELECT count(*) FROM notes');
  const newest = () => readdirSync(path.join(stack().state, 'backups')).sort().at(-1) ?? '';

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

  const autocommit = (revision: string, inside: string) =>
    [
      'from alembic import op',
      '',
      `revision = "${revision}"`,
      `down_revision = "${FIRST}"`,
      '',
      '',
      'def upgrade():',
      '    with op.get_context().autocommit_block():',
      `        op.execute("${inside}")`,
      '    op.execute("SELECT no_such_column FROM notes")',
      '',
      '',
      'def downgrade():',
      '    pass',
      '',
    ].join('\n');

  it.each(some(COMMITTING))(
    'says what stays of a migration that had committed %s on its way',
    async (_what, inside, says, undo) => {
      const revision = '20260601110000';
      const files = { [`migrations/versions/${revision}_on_the_way.py`]: autocommit(revision, inside) };
      await stack().release({ files });
      const before = await stack().inApp(['cat', '/app/.whalefall-release.json']);
      const run = await update(stack());
      stack().sql(undo);
      expect(run.exitCode, run.text).toBe(6);
      expect(run.text).toMatch(/not one transaction: it commits on its way/);
      expect(run.text).toMatch(says);
      expect(run.text).toMatch(/Back: .*restore-prod\.ts \S+ {3}# loses what was written since/);
      expect(stack().revision()).toBe(FIRST);
      expect(stack().inApp(['cat', '/app/.whalefall-release.json'])).toBe(before);
    },
  );

  itInFull('does not begin while a transaction has been holding a lock on what the migration needs', async () => {
    await stack().release({ migrations: [AUTHOR] });
    const release = await lockNotes(stack(), 'ACCESS EXCLUSIVE');
    const run = await update(stack()).finally(release);
    await expectOld(stack(), run, 3);
    expect(run.text).toContain('nightly-report');
    expect(stack().revision()).toBe(FIRST);
  });

  itInFull('gives up a migration whose lock is taken by a transaction begun just before', async () => {
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

  itInFull('leaves the old code serving on the new schema when the canary fails, and tells the way back', async () => {
    await stack().release({ migrations: [AUTHOR], needs_column: 'flavour' });
    stack().patience(15);
    const run = await update(stack()).finally(() => stack().patience());
    await expectOld(stack(), run, 1);
    expect(finished(run, 'migrate'), run.text).toBe(true);
    expect(stack().revision()).toBe('20260601090000');
    const added = run.after.backups.filter((name) => !run.before.backups.includes(name));
    expect(added).toHaveLength(1);
    expect(run.text).toContain(`backups/${added[0]}`);
    expect(run.text).toMatch(/restore-prod\.ts \/\S+backups/);
  });

  itInFull(
    'comes back to the former schema by the command that it printed, and forth again, with users asking',
    async () => {
      const restore = (...args: string[]) =>
        runScript('restore-prod', ['--dir', stack().sandbox.deployDir, '--config', stack().config, ...args]);
      stack().sql("INSERT INTO notes (text) VALUES ('written since')");
      const declined = await restore(newest());
      expect(declined.exitCode, declined.text).toBe(4);
      expect(declined.text).toMatch(/rows in public\.notes +\d+ → \d+/);
      const since = notes();

      const load = await startLoad(`${stack().sandbox.url}/api/v1/notes`, '--rate', '20');
      const restored = await restore(newest(), '--confirm', 'RESTORE whalefall_prod');
      const report = await load.stop();
      expect(restored.exitCode, restored.text).toBe(0);
      expect(stack().revision()).toBe(FIRST);
      expect(Number(notes())).toBe(Number(since) - 1);
      expect(restored.text).toMatch(/requests meanwhile +wait at ports/);
      expect(report, restored.text).toMatchObject({ failed: 0 });

      const kept = /--back (\S+)/.exec(restored.text)?.[1] ?? '';
      const forth = await restore('--back', kept, '--confirm', 'RESTORE whalefall_prod');
      expect(forth.exitCode, forth.text).toBe(0);
      expect([stack().revision(), notes()]).toEqual(['20260601090000', since]);
    },
  );

  itInFull('goes on from there with the corrected release', async () => {
    const release = await stack().release({ migrations: [AUTHOR] });
    await expectNew(stack(), await update(stack()), release);
    stack().base = release.commit;
  });

  itInFull('migrates after a backup, and only then switches', async () => {
    const release = await stack().release({ migrations: [AUTHOR, MOOD], needs_column: 'mood' });
    const run = await update(stack());
    await expectNew(stack(), run, release);
    stack().base = release.commit;
    expect(stack().revision()).toBe('20260601120000');
    const steps = run.journal.flatMap((l) => (l.event === 'step-done' ? [l.step] : []));
    expect(steps).toEqual(['stage', 'check', 'backup', 'migrate', 'canary', 'switch', 'restart', 'prove', 'settle']);
    expect(run.after.backups.length).toBe(run.before.backups.length + 1);
  });

  // What serves needs what the last migration brought, and the newest backup is from before it.
  itInFull('takes a restore back when the application is not healthy on what was restored', async () => {
    const before = [stack().revision(), notes()];
    const args = ['--dir', stack().sandbox.deployDir, '--config', stack().config];
    stack().patience(15);
    const restoring = runScript('restore-prod', [...args, '--confirm', 'RESTORE whalefall_prod']);
    const ended = await restoring.finally(() => stack().patience());
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toContain('is the one from before');
    expect([stack().revision(), notes()]).toEqual(before);
    expect(stack().sql("SELECT count(*) FROM pg_database WHERE datname LIKE '%restoring%'")).toBe('0');
  });

  itInFull('makes no backup without a pending migration', async () => {
    const release = await stack().release();
    const run = await update(stack());
    await expectNew(stack(), run, release);
    expect(run.after.backups).toEqual(run.before.backups);
    expect(run.text).toContain('no migration is pending');
  });
}
