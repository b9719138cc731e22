import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { ask, ifFails, type RunOps, read, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { exec } from '../docker/docker.ts';
import { type PgServer, query, queryOne } from './psql.ts';

const POLL_MS = 200;

/** A limit of -2 is what a DROP DATABASE that was interrupted leaves: nobody can connect to it. */
const OPEN = 'datallowconn AND datconnlimit <> -2';

const DATABASES = `SELECT to_jsonb(datname) FROM pg_database WHERE ${OPEN} AND NOT datistemplate ORDER BY datname`;

const HIDDEN = `SELECT to_jsonb(datname) FROM pg_database WHERE NOT (${OPEN}) AND datname <> 'template0' ORDER BY datname`;

const ROLES = `SELECT to_jsonb(rolname) FROM pg_roles WHERE oid <> 10 AND rolname !~ '^pg_' ORDER BY rolname`;

const THINGS = `SELECT jsonb_build_object(
  'relations', (SELECT coalesce(jsonb_agg(n.nspname || '.' || c.relname), '[]') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),
  'functions', (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),
  'largeObjects', (SELECT count(*) FROM pg_largeobject_metadata))`;

/**
 * Everything of anybody's that a whole cluster holds: tables, views, sequences, functions and large objects of every database,
 * roles besides the first one, databases that can't be looked into. Nothing when it is as initdb left it.
 *
 * @throws {CommandError} when something can't be asked: that is never "empty".
 */
export async function whatClusterHolds(ops: RunOps, server: PgServer): Promise<Text[]> {
  const [databases, hidden, roles] = await Promise.all([
    query<string>(ops, server, DATABASES),
    query<string>(ops, server, HIDDEN),
    query<string>(ops, server, ROLES),
  ]);
  const inside: Text[] = [];
  // One after the other: each takes a connection, and the application needs them.
  for (const database of databases) inside.push(...(await whatDatabaseHolds(ops, server, database)));
  return [
    ...inside,
    ...hidden.map(
      (d): Text => ({ en: `database ${printable(d)}, which lets nobody in`, zh: `禁止连接的数据库 ${printable(d)}` }),
    ),
    ...roles.map((r): Text => ({ en: `role ${printable(r)}`, zh: `角色 ${printable(r)}` })),
  ];
}

/** Databases besides the server's own `name` that hold anything, or can't be looked into. @throws {CommandError} when they can't be listed. */
export async function otherDatabases(ops: RunOps, server: PgServer): Promise<string[]> {
  const [open, closed] = await Promise.all([query<string>(ops, server, DATABASES), query<string>(ops, server, HIDDEN)]);
  const found: string[] = [];
  for (const database of open.filter((d) => d !== server.name)) {
    const holds = await whatDatabaseHolds(ops, server, database).then(
      (found) => found.length > 0,
      ifFails(() => true),
    );
    if (holds) found.push(database);
  }
  return [...found, ...closed.filter((d) => d !== server.name)];
}

/** Everything of anybody's in one database. @throws {CommandError} */
export async function whatDatabaseHolds(ops: RunOps, server: PgServer, database: string): Promise<Text[]> {
  type Things = { relations: string[]; functions: number; largeObjects: number };
  const things = await queryOne<Things>(ops, server, THINGS, { database });
  const { relations, functions, largeObjects } = things;
  const name = printable(database);
  const list = printable(relations.slice(0, 5).join(', '));
  const number = relations.length;
  return [
    number > 0 && {
      en: `database ${name}: ${number} tables, views or sequences (${list})`,
      zh: `数据库 ${name}: ${number} 个表/视图/序列 (${list})`,
    },
    functions > 0 && { en: `database ${name}: ${functions} functions`, zh: `数据库 ${name}: ${functions} 个函数` },
    largeObjects > 0 && {
      en: `database ${name}: ${largeObjects} large objects`,
      zh: `数据库 ${name}: ${largeObjects} 个大对象`,
    },
  ].filter((t) => t !== false);
}

/** Whether the server can be asked at all. */
export async function answers(ops: RunOps, server: PgServer): Promise<boolean> {
  const ready = exec('read', server.container.id, ['pg_isready', '-q', '-h', '127.0.0.1']);
  return (await run(ops, ready, [0, 1, 2, 3, 126, 127, 137])).exitCode === 0;
}

/** Waits for the server of a helper container. `false`: the container has ended; `undefined`: it still runs when the time is over. */
export const startsWithin = (ops: Ops, server: PgServer, forMs: number): Promise<boolean | undefined> =>
  poll(ops, { everyMs: POLL_MS, forMs }, async () => {
    if (await answers(ops, server)) return true;
    const state = await ask(ops, read(['docker', 'inspect', '-f', '{{.State.Running}}', server.container.id]), [0, 1]);
    return state === 'true' ? undefined : false;
  });
