import type { Ops } from '../../core/ops.ts';
import { type Replication, refuseReplication } from '../../domain/restoration/refusals.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { type Database, query, queryOne } from '../../tools/postgres/psql.ts';
import { inTheMiddle, othersInside } from './refusals.ts';

interface Found extends Replication {
  readonly prepared: readonly string[];
}

const FOUND = `SELECT json_build_object('subscriptions', (SELECT coalesce(json_agg(subname ORDER BY subname), '[]') FROM pg_subscription),
  'slots', (SELECT coalesce(json_agg(slot_name ORDER BY slot_name), '[]') FROM pg_replication_slots WHERE NOT temporary),
  'prepared', (SELECT coalesce(json_agg(gid ORDER BY gid), '[]') FROM pg_prepared_xacts))`;

/** Nothing hangs on the cluster that a dump does not have. @throws {OpsError} `precondition` */
export async function requireUpgradable(ops: Ops, database: Database): Promise<void> {
  const found = await queryOne<Found>(ops, database, FOUND);
  refuseReplication(database, found);
  if (found.prepared.length > 0) throw inTheMiddle(found.prepared);
}

const ROUNDS = 20;
const ROUND_MS = 250;

const SESSIONS = `SELECT json_build_object('address', host(client_addr), 'who', concat_ws(' ', usename, application_name, host(client_addr)))
  FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND application_name !~ '^whalefall-ops ' ORDER BY backend_start`;

/**
 * Nobody but the application is in the database.
 *
 * @param app whoever comes from one of its addresses is the application; undefined when it has been stopped.
 * @throws {OpsError} `precondition` naming who.
 */
export async function requireAlone(ops: Ops, database: Database, app: Container | undefined): Promise<void> {
  const own = Object.values(app?.addresses ?? {});
  // Whoever has just been stopped, or is only passing by, is gone in a moment.
  for (let round = 0; ; round += 1) {
    const sessions = await query<{ address: string | null; who: string }>(ops, database, SESSIONS);
    const others = sessions.filter(({ address }) => address === null || !own.includes(address));
    if (others.length === 0) return;
    if (round === ROUNDS) throw othersInside(others.map((s) => s.who));
    await ops.clock.sleep(ROUND_MS, ops.signal);
  }
}

/** The next transaction id: as long as it is the same, nobody has written anything to the cluster. */
export const nextTransaction = (ops: Ops, database: Database): Promise<string> =>
  queryOne<string>(ops, database, 'SELECT to_jsonb(txid_snapshot_xmax(txid_current_snapshot())::text)');
