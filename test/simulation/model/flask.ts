import type { Database } from './cluster.ts';
import type { Conversation, Reply } from './process.ts';
import type { Release } from './release.ts';

/** `flask db upgrade`: one transaction, unless the release commits on its way; an upgrade changes rows, so that taking it back takes a restore. */
export function upgrade(database: Database, release: Release): Reply {
  const from = database.stamp;
  if (from === release.head) return {};
  if (from !== null && from > release.head)
    return { exitCode: 1, stderr: `alembic.util.exc.CommandError: Can't locate revision identified by '${from}'\n` };
  if (release.migrationFails) {
    if (release.commitsMidway === 'rows') database.tables.notes?.push('changed on the way');
    else if (release.commitsMidway) database.tables.half_way = ['committed on the way'];
    const begun = `INFO  [alembic.runtime.migration] Running upgrade ${from ?? ''} -> ${release.head}, a change\n`;
    return { exitCode: 1, stderr: `${begun}psycopg.errors.UndefinedColumn: column "nonexistent" does not exist\n` };
  }
  if (from === null && Object.keys(database.tables).length > 0)
    return { exitCode: 1, stderr: 'psycopg.errors.DuplicateTable: relation "users" already exists\n' };
  if (from === null) for (const table of ['users', 'notes', 'permission_configs']) database.tables[table] = [];
  const { notes = [] } = database.tables;
  database.tables.notes = notes.map((row) => `${row} | migrated to ${release.head}`);
  database.stamp = release.head;
  database.shape = release.head;
  return { stderr: `INFO  [alembic.runtime.migration] Running upgrade ${from ?? ''} -> ${release.head}, a change\n` };
}

/**
 * `lib/domain/schema/upgrade.py`: loads the application, says so, and migrates at the word.
 *
 * @param run the same command, of which all that is heard is this.
 */
export function migration(run: (input: string) => Reply): Conversation {
  let isLoaded = false;
  return {
    byLine: true,
    closed: 1,
    answer: (line) => {
      if (isLoaded) return run(line);
      isLoaded = true;
      const { exitCode, ...said } = run('');
      return exitCode ? { exitCode, ...said } : ['', 'whalefall-ops: loaded'];
    },
    end: () => undefined,
  };
}
