import { type Database, emptyDatabase } from './cluster.ts';
import type { Server } from './engine.ts';
import type { Inside } from './in-container.ts';
import type { Reply } from './process.ts';
import { databaseName } from './psql.ts';
import { isLocked } from './sql-queries.ts';

const HEAD = 'PGDMP';
const END = '\nEND';

const notReady: Reply = { exitCode: 2, stderr: 'connection to server on socket failed: No such file or directory\n' };

/** The server, when it takes connections. */
export function serverOf({ container, machine }: Inside): Server | undefined {
  const { server } = container;
  return server && machine.engine.clock.monotonic() >= server.readyAt ? server : undefined;
}

const option = (argv: readonly string[], flag: string) => argv[argv.indexOf(flag) + 1] ?? '';

/** An archive of the exported snapshot, opaque to everybody but `pg_restore`. */
export function pgDump(what: Inside): Reply {
  const server = serverOf(what);
  if (!server) return notReady;
  const wanted = what.argv.find((a) => a.startsWith('--snapshot='))?.slice('--snapshot='.length) ?? '';
  const snapshot = server.snapshots.get(wanted);
  if (!snapshot) return { exitCode: 1, stderr: `pg_dump: error: invalid snapshot identifier: "${wanted}"\n` };
  if (isLocked(server, what.machine.engine.clock.monotonic())) {
    const query = 'pg_dump: detail: Query was: LOCK TABLE public.notes IN ACCESS SHARE MODE\n';
    return {
      exitCode: 1,
      stderr: `pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout\n${query}`,
    };
  }
  return { stdout: `${HEAD}${snapshot.content}${END}` };
}

export function pgDumpAll(what: Inside): Reply {
  const server = serverOf(what);
  if (!server) return notReady;
  const roles = Object.entries(server.cluster.roles).map(
    ([name, password]) => `CREATE ROLE "${name}";\nALTER ROLE "${name}" WITH SUPERUSER LOGIN PASSWORD '${password}';\n`,
  );
  return { stdout: `-- globals\n${roles.join('')}` };
}

export function pgRestore(what: Inside): Reply {
  what.changes();
  const server = serverOf(what);
  if (!server) return notReady;
  const file = what.argv.at(-1) ?? '';
  const archive = file.startsWith('/') ? String(what.container.layer[file] ?? '') : what.input.toString('utf8');
  if (!archive.startsWith(HEAD)) return { exitCode: 1, stderr: 'pg_restore: error: input file is too short\n' };
  if (!archive.endsWith(END))
    return { exitCode: 1, stderr: 'pg_restore: error: could not read from input file: end of file\n' };
  const name = databaseName(option(what.argv, '-d'));
  const target = server.cluster.databases[name];
  if (!target) return { exitCode: 1, stderr: `FATAL: database "${name}" does not exist\n` };
  const { owner } = target;
  const restored = JSON.parse(archive.slice(HEAD.length, -END.length)) as Database;
  server.cluster.databases[name] = { ...emptyDatabase(owner), ...restored, owner };
  what.machine.ledger.restored.add(archive);
  return {};
}
