import { adminExists } from '../app/admin.ts';
import type { Ops } from '../host/ops.ts';
import { inspectSchema, type Schema } from '../postgres/revision.ts';
import type { Database } from '../target/stack.ts';
import type { Facts } from './facts.ts';
import type { RebuildPlan } from './plan.ts';
import { type Connection, inspectConnection, type Stores, startStores } from './stores.ts';

/**
 * What was seen while production still served, and stays so when only the application is stopped: the later steps then need no
 * time of the outage to see it again.
 */
export interface Beforehand extends Seen {
  readonly stores: Stores;
}

/** What the steps between the start of the stores and that of the application want to know of the database. */
export interface Seen {
  readonly connection: Connection;
  readonly schema: Schema;
  readonly admin: boolean;
}

/** `undefined` when the stores will be replaced, so that nothing seen now would count. */
export async function lookBeforehand(ops: Ops, facts: Facts, plan: RebuildPlan): Promise<Beforehand | undefined> {
  if (plan.deletes.length > 0 || !facts.storesCurrent) return undefined;
  const stores = await startStores(ops, facts);
  return { stores, ...(await look(ops, facts, stores.database)) };
}

/** Looks at a database that has just been started: one wave of questions instead of three. */
export async function look(ops: Ops, facts: Facts, database: Database): Promise<Seen> {
  const [connection, schema, admin] = await Promise.all([
    inspectConnection(ops, facts, database),
    inspectSchema(ops, database),
    adminExists(ops, database),
  ]);
  return { connection, schema, admin };
}
