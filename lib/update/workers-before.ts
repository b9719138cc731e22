import { z } from 'zod';
import type { Ops } from '../host/ops.ts';
import { notedByUnfinished } from '../runs/noted.ts';

/** To be called before workers are added: killed then, this run leaves more than there were, and nothing else tells how many. */
export const noteWorkers = (ops: Ops, workers: number): void =>
  void ops.journal.write({ event: 'note', key: 'workers', value: workers });

/** How many there were before an update that was killed while it replaced them. */
export function workersOfUnfinished(ops: Ops): number | undefined {
  const found = notedByUnfinished(ops.paths, 'workers', ['update-prod-flask', 'rollback-prod', 'deploy-prod-all']);
  return z.int().positive().safeParse(found?.value).data;
}
