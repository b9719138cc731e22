import type { Ops } from '../../core/ops.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { notedByUnfinished } from '../ledger/run-notes.ts';
import { standbyRun } from '../stack/containers.ts';

/** To be written before the stop: by it the next run knows that it was no person's doing. */
export function noteStop(ops: Ops, { id, state }: Container): void {
  if (state === 'running') ops.journal.write({ event: 'note', key: 'stopped', value: id });
}

/** After their success what runs is what is meant to. */
const GOOD = ['deploy-prod-all', 'rollback-prod', 'update-prod-flask', 'apply-env', 'upgrade-postgres'];

/** The beginning of the name of the run that stopped it and was killed: nobody else meant it to be down. */
export function stoppedBy(ops: Pick<Ops, 'paths'>, container: Container): string | undefined {
  const stamp = standbyRun(container);
  if (stamp !== undefined || container.state !== 'exited') return stamp;
  const found = notedByUnfinished(ops.paths, 'stopped', GOOD);
  return found?.value === container.id ? found.run.name.slice(0, 16) : undefined;
}
