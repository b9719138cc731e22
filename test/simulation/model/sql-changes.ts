import { DISARM_ROLES } from '../../../lib/tools/postgres/globals.ts';
import { type Cluster, emptyDatabase, hbaRules, verifier } from './cluster.ts';
import type { Server } from './engine.ts';
import { unknown } from './flags.ts';
import type { Inside } from './in-container.ts';

/** What the server answers with an ERROR. */
export class SqlError extends Error {}

type Change = (context: Context, match: RegExpExecArray) => void;

interface Context {
  readonly what: Inside;
  readonly server: Server;
  readonly cluster: Cluster;
}

const NAME = '"((?:[^"]|"")*)"';
const name = (text: string | undefined) => (text ?? '').replaceAll('""', '"');
const ignored: Change = () => undefined;

/** Statements by what they begin with; anything else is not modelled. */
const STATEMENTS: readonly (readonly [RegExp, Change])[] = [
  [/^(SET |ALTER SYSTEM SET |ANALYZE$|COMMENT ON |BEGIN$|COMMIT$)/, ignored],
  [
    new RegExp(`^CREATE ROLE ${NAME}(?: NOLOGIN)?$`),
    ({ cluster }, [, role]) => {
      if (cluster.roles[name(role)] !== undefined) throw new SqlError(`role "${role}" already exists`);
      cluster.roles[name(role)] = '';
    },
  ],
  [
    new RegExp(`^ALTER ROLE ${NAME} WITH .*PASSWORD '(.*)'$`),
    ({ cluster }, [, role, password]) => {
      cluster.roles[name(role)] = password ?? '';
    },
  ],
  [
    new RegExp(`^CREATE DATABASE ${NAME} TEMPLATE template0 OWNER ${NAME}`),
    ({ cluster }, [, database, owner]) => {
      if (cluster.databases[name(database)]) throw new SqlError(`database "${database}" already exists`);
      if (cluster.roles[name(owner)] === undefined) throw new SqlError(`role "${owner}" does not exist`);
      cluster.databases[name(database)] = emptyDatabase(name(owner));
    },
  ],
  [
    new RegExp(`^ALTER DATABASE ${NAME} RENAME TO ${NAME}$`),
    ({ cluster }, [, from, to]) => {
      const database = cluster.databases[name(from)];
      if (!database) throw new SqlError(`database "${from}" does not exist`);
      if (cluster.databases[name(to)]) throw new SqlError(`database "${to}" already exists`);
      cluster.databases[name(to)] = database;
      delete cluster.databases[name(from)];
    },
  ],
  [
    new RegExp(`^DROP DATABASE (IF EXISTS )?${NAME}( WITH \\(FORCE\\))?$`),
    ({ what, cluster }, [, lenient, database]) => {
      const content = cluster.databases[name(database)];
      if (!content && !lenient) throw new SqlError(`database "${database}" does not exist`);
      delete cluster.databases[name(database)];
      // A copy that was being restored is nobody's loss.
      if (content && !name(database).includes('_restoring_'))
        what.machine.ledger.databaseGone(what.container, name(database), content);
    },
  ],
  [
    /^SELECT pg_reload_conf\(\)$/,
    ({ what, server, cluster }) => {
      server.inForce = hbaRules(cluster.hba);
      server.loadedAt = what.machine.engine.clock.monotonic();
    },
  ],
  [
    /^SELECT pg_terminate_backend\(pid\) FROM pg_stat_activity/,
    ({ server }) => {
      server.sessions = server.sessions.filter((s) => !s.trusted);
    },
  ],
];

/** Runs a script of changes up to its first error; what is between BEGIN and COMMIT happens whole or not at all. */
export function execute(what: Inside, { server }: { server: Server }, script: string): void {
  const context = { what, server, cluster: server.cluster };
  const password = /^\\password "([^"]+)"\n(.*)\n(.*)\n/m.exec(script);
  if (script.includes(DISARM_ROLES)) return disarm(server.cluster, what.argv);
  const sql = script.replace(/^\\password .*\n.*\n.*\n/m, '').replace(/--[^\n]*/g, '');
  let saved: Cluster | undefined;
  for (const statement of split(sql)) {
    // Only names and roles change in a transaction here: what has them stays what it is.
    if (statement === 'BEGIN') {
      const { databases, roles } = server.cluster;
      saved = { ...server.cluster, databases: { ...databases }, roles: { ...roles } };
    }
    if (statement === 'COMMIT') saved = undefined;
    const found = STATEMENTS.map(([what, does]) => [what.exec(statement), does] as const).find(([m]) => m);
    if (!found?.[0]) return unknown(`SQL: ${statement}`);
    try {
      found[1](context, found[0]);
    } catch (error) {
      if (saved) Object.assign(server.cluster, saved);
      throw error;
    }
  }
  if (password) server.cluster.roles[name(password[1])] = verifier(password[2] ?? '');
}

/** All but the role that is connected are left without a password. */
function disarm({ roles }: Cluster, argv: readonly string[]): void {
  for (const role of Object.keys(roles)) if (role !== argv[argv.indexOf('-U') + 1]) roles[role] = '';
}

/** At semicolons outside of quotes. */
function split(sql: string): string[] {
  return [...sql.matchAll(/(?:[^;'"]|'(?:[^']|'')*'|"(?:[^"]|"")*")+/g)]
    .map(([s]) => s.trim().replace(/\s+/g, ' '))
    .filter((s) => s !== '');
}
