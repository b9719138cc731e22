import type { Ops } from '../../core/ops.ts';
import { adminExists } from '../../domain/app/admin.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import type { Database } from '../../tools/postgres/database.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { inspectConnection } from './connection.ts';
import type { Seen } from './rebuild.ts';

/** Looks at a database that has just been started: one wave of questions instead of three. */
export async function look(ops: Ops, facts: Facts, database: Database): Promise<Seen> {
  const [connection, schema, admin, identity] = await Promise.all([
    inspectConnection(ops, facts, database),
    inspectSchema(ops, database),
    adminExists(ops, database),
    identify(ops, database),
  ]);
  return { connection, schema, admin, identity };
}
