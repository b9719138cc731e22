import { adminExists } from '../app/admin.ts';
import type { Ops } from '../host/ops.ts';
import { inspectSchema, type Schema } from '../postgres/revision.ts';
import type { Facts } from './facts.ts';
import type { RebuildPlan } from './plan.ts';
import { type Connection, inspectConnection, type Stores, startStores } from './stores.ts';

/**
 * What was seen while production still served, and stays so when only the application is stopped: the later steps then need no
 * time of the outage to see it again.
 */
export interface Beforehand {
  readonly stores: Stores;
  readonly connection: Connection;
  readonly schema: Schema;
  readonly admin: boolean;
}

/** `undefined` when the stores will be replaced, so that nothing seen now would count. */
export async function lookBeforehand(ops: Ops, facts: Facts, plan: RebuildPlan): Promise<Beforehand | undefined> {
  if (plan.deletes.length > 0 || !facts.storesCurrent) return undefined;
  return look(ops, facts, await startStores(ops, facts));
}

/** The same for stores that have just been started: one wave of questions instead of three. */
export async function look(ops: Ops, facts: Facts, stores: Stores): Promise<Beforehand> {
  const [connection, schema, admin] = await Promise.all([
    inspectConnection(ops, facts, stores),
    inspectSchema(ops, stores.database),
    adminExists(ops, stores.database),
  ]);
  return { stores, connection, schema, admin };
}
