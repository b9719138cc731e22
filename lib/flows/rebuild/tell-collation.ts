import type { Ops } from '../../core/ops.ts';
import { collationNow } from '../../domain/replacement/survey-collation.ts';
import { sortsOtherwise } from './collation.ts';
import type { Rebuild, Started } from './rebuild.ts';

/** After another image of PostgreSQL has taken over what is kept: what is to be typed now. */
export async function tellCollation(ops: Ops, { plan, target }: Rebuild, { stores }: Started): Promise<void> {
  if (!plan.replaces.includes('postgres') || plan.deletes.length > 0) return;
  for (const change of await collationNow(ops, stores.database))
    ops.screen.show({ event: 'warning', ...sortsOtherwise(target, change) });
}
