import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
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
  const end = ops.clock.monotonic() + patienceMs;
  for (let told = false; ; told = true) {
    const holders = await holdersNow(ops, server);
    if (holders.length === 0) return;
    if (ops.clock.monotonic() >= end) throw notReadable(holders);
    const { en, zh } = lockedText(holders);
    if (!told) {
      ops.screen.show({ event: 'warning', text: { en: `Waiting. ${en}`, zh: `等待中. ${zh}` } });
    }
    await ops.clock.sleep(LOOK_EVERY_MS, ops.signal);
  }
}

export const notReadable = (holders: readonly Blocker[]): OpsError => refuse(lockedText(holders), END_IT);
