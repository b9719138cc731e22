import { CONTENTS, SEQUENCES } from '../../../lib/tools/postgres/fingerprint.ts';
import { contentOf, contentsLines, factsLine, sequenceLines } from './cluster.ts';
import type { Server } from './engine.ts';
import { unknown } from './flags.ts';
import type { Inside } from './in-container.ts';
import { serverOf } from './pg-archive.ts';
import type { Conversation, Reply } from './process.ts';
import { execute, SqlError } from './sql-changes.ts';
import { answerQuery } from './sql-queries.ts';

/** What `-d` means: a name, or connection settings with one. */
export function databaseName(d: string): string {
  const quoted = /^dbname='(.*)'$/s.exec(d)?.[1];
  return quoted === undefined ? d : quoted.replace(/\\(.)/g, '$1');
}

interface Where {
  readonly server: Server;
  readonly database: string;
}

/** Where a psql over the socket gets to, or why it does not. */
function where(what: Inside): Where | Reply {
  const server = serverOf(what);
  if (!server) return { exitCode: 2, stderr: 'psql: error: connection to server on socket failed\n' };
  const [user, database] = ['-U', '-d'].map((flag) => what.argv[what.argv.indexOf(flag) + 1] ?? '') as [string, string];
  if (server.cluster.roles[user] === undefined)
    return { exitCode: 2, stderr: `psql: error: FATAL:  role "${user}" does not exist\n` };
  const name = databaseName(database);
  if (!server.cluster.databases[name])
    return { exitCode: 2, stderr: `psql: error: FATAL:  database "${name}" does not exist\n` };
  return { server, database: name };
}

/** One psql from start to end. What kind of SQL it is, is told by what the library exports or by what only that SQL has. */
export function psql(what: Inside): Reply {
  const at = where(what);
  if (!('server' in at)) return at;
  const text = what.input.toString('utf8');
  try {
    const asked =
      /SELECT coalesce\(to_jsonb\(answer\.value\), 'null'\) FROM \(\n([\s\S]*)\n\) AS answer \(value\);/.exec(text);
    if (asked) {
      const rows = answerQuery(what, at, asked[1] ?? '');
      return { stdout: rows.map((row) => `${JSON.stringify(row)}\n`).join('') };
    }
    if (text.includes(CONTENTS)) return { stdout: `${examined(at).join('\n')}\n` };
    what.changes();
    if (what.argv.includes('-1')) return seed(at, text);
    execute(what, at, text);
    return {};
  } catch (error) {
    if (error instanceof SqlError) return { exitCode: 3, stderr: `psql: ERROR:  ${error.message}\n` };
    throw error;
  }
}

function examined({ server, database }: Where): string[] {
  const db = server.cluster.databases[database] ?? unknown(database);
  return [factsLine(server.cluster, database), ...sequenceLines(db), ...contentsLines(db)];
}

/** A file of SQL, whole or not at all. */
function seed({ server, database }: Where, text: string): Reply {
  const table = server.cluster.databases[database]?.tables.permission_configs;
  if (!table) return { exitCode: 3, stderr: 'psql: ERROR:  relation "permission_configs" does not exist\n' };
  if (text.includes('SYNTAX ERROR')) return { exitCode: 3, stderr: 'psql: ERROR:  syntax error\n' };
  table.push(text.trim());
  return {};
}

/** The psql that keeps a snapshot open. */
export function conversation(what: Inside): Conversation | Reply {
  const at = where(what);
  if (!('server' in at)) return at;
  const { server, database } = at;
  const id = `0000000${server.snapshots.size + 1}-00000001-1`;
  let content = '';
  const session = { application: what.env.PGAPPNAME ?? '', database, trusted: false };
  server.sessions.push(session);
  return {
    answer(sql) {
      const now = server.cluster.databases[database];
      if (!server.sessions.includes(session) || !now) return undefined; // ended from the server's side
      if (sql.includes('pg_export_snapshot()')) {
        content = JSON.stringify(contentOf(now));
        server.snapshots.set(id, { database, content });
        return [JSON.stringify({ snapshot: id }), factsLine(server.cluster, database), ...sequenceLines(now)];
      }
      if (sql === CONTENTS) return contentsLines(JSON.parse(content));
      return sql === SEQUENCES ? sequenceLines(now) : unknown(`in a session: ${sql}`);
    },
    end() {
      server.snapshots.delete(id);
      server.sessions = server.sessions.filter((s) => s !== session);
    },
  };
}
