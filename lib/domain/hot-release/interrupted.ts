import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { notedByUnfinished } from '../ledger/unfinished-runs.ts';
import type { Facts } from './facts.ts';
import { RESTARTS, type RestartKind } from './options.ts';

// What an update that was killed leaves for the next one to know; nothing in the container tells it.

type Where = Pick<Facts, 'app' | 'programs'>;

const notedWorkers = z.object({ container: z.string(), master: z.number(), workers: z.int().positive() });
const notedRestart = z.object({
  container: z.string(),
  booted: z.number(),
  master: z.number(),
  kind: z.enum(RESTARTS),
});

/** To be called before workers are added: killed then, this run leaves more than there were. */
export function noteWorkers(ops: Ops, { app, programs }: Where, workers: number): void {
  const value: z.infer<typeof notedWorkers> = { container: app.id, master: programs.web.start, workers };
  ops.journal.write({ event: 'note', key: 'workers', value });
}

/** How many there were before an update that was killed while it replaced them. A master that was started since has its own number. */
export function workersOfUnfinished(ops: Ops, { app, programs }: Where): number | undefined {
  const noted = notedWorkers.safeParse(notedByUnfinished(ops.paths, 'workers')?.value).data;
  return noted?.container === app.id && noted.master === programs.web.start ? noted.workers : undefined;
}

/**
 * To be called before files are put in place: killed then, a changed configuration lies there, and nobody has read it.
 *
 * @param kind what the files need; not what an operator would rather have.
 */
export function noteRestart(ops: Ops, { app, programs }: Where, kind: RestartKind): void {
  const { booted, web } = programs;
  const value: z.infer<typeof notedRestart> = { container: app.id, booted, master: web.start, kind };
  ops.journal.write({ event: 'note', key: 'restart', value });
}

/** The restart that files which were put in place by a killed update still need: whoever was started since has read them. */
export function restartOfUnfinished(ops: Ops, { app, programs }: Where): RestartKind | undefined {
  const noted = notedRestart.safeParse(notedByUnfinished(ops.paths, 'restart')?.value).data;
  if (noted?.container !== app.id || noted.booted !== programs.booted) return undefined;
  // supervisord starts a gunicorn that ended again, and does not read its own configuration for that.
  return noted.kind === 'container' || noted.master === programs.web.start ? noted.kind : undefined;
}
