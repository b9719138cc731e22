import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { refuse } from '../../core/refusal.ts';
import { type Blocker, type BlockerRow, blockerOf } from './blocker.ts';
import { type PgServer, query } from './psql.ts';
import { END_IT, HOLDERS, lockedText } from './table-locked.ts';

const LOOK_EVERY_MS = 1_000;

/** Who keeps readers from a table of this database. */
export const holdersNow = async (ops: Ops, server: PgServer): Promise<Blocker[]> =>
  (await query<BlockerRow>(ops, server, HOLDERS)).map(blockerOf);

/**
 * Waits until all tables can be read, by looking and not in a queue; tells at once who is waited for.
 *
 * @throws {OpsError} `precondition` naming those that are still there when the patience is over.
 */
export async function waitUntilReadable(ops: Ops, server: PgServer, patienceMs: number): Promise<void> {
  let holders = await holdersNow(ops, server);
  if (holders.length === 0) return;
  if (patienceMs > 0) {
    const { en, zh } = lockedText(holders);
    ops.screen.show({ event: 'warning', text: { en: `Waiting. ${en}`, zh: `等待中. ${zh}` } });
  }
  const isReadable = await poll(ops, { everyMs: LOOK_EVERY_MS, forMs: patienceMs }, async () => {
    holders = await holdersNow(ops, server);
    return holders.length === 0 || undefined;
  });
  if (!isReadable) throw notReadable(holders);
}

export const notReadable = (holders: readonly Blocker[]): OpsError => refuse(lockedText(holders), END_IT);
