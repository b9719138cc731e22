import { z } from 'zod';
import type { Ops } from '../host/ops.ts';
import { notedByUnfinished } from '../runs/noted.ts';
import { RESTARTS, type RestartKind } from './restart.ts';

/** What an update that was killed leaves for the next one to know; nothing in the container tells it. */
const GOOD = ['update-prod-flask', 'rollback-prod', 'deploy-prod-all'];

/** To be called before workers are added: killed then, this run leaves more than there were. */
export const noteWorkers = (ops: Ops, workers: number): void =>
  void ops.journal.write({ event: 'note', key: 'workers', value: workers });

/** How many there were before an update that was killed while it replaced them. */
export function workersOfUnfinished(ops: Ops): number | undefined {
  return z
    .int()
    .positive()
    .safeParse(notedByUnfinished(ops.paths, 'workers', GOOD)?.value).data;
}

/** To be called before files are put in place: killed then, a changed configuration lies there, and nobody has read it. */
export const noteRestart = (ops: Ops, kind: RestartKind): void =>
  void ops.journal.write({ event: 'note', key: 'restart', value: kind });

/** The restart that files which were put in place by a killed update still need. */
export function restartOfUnfinished(ops: Ops): RestartKind | undefined {
  return z.enum(RESTARTS).safeParse(notedByUnfinished(ops.paths, 'restart', GOOD)?.value).data;
}
