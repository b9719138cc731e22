import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { change } from '../../core/command.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { ask, run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { runDetached } from '../../tools/docker/compose.ts';
import { discardContainer, ownerLabels } from '../../tools/docker/helpers.ts';
import { MARKER } from '../app/marker.ts';
import { readRevisions } from '../app/revisions.ts';
import { stampOf } from '../env/stamp.ts';
import { createsApplication } from '../schema/flask-db.ts';
import { besideText } from '../stack/create-service.ts';
import type { Facts } from '../stack/deployment.ts';
import { type StartTrial, tryStart } from './try-start.ts';

export interface TriedImage {
  /** Id of a running container of the new image, for migrations and the like. */
  readonly oneOff: string;
  /** The newest schema revision that the image knows. */
  readonly head: string;
  /** Whether the image's migrations have the database's revision; false when none was asked about. */
  readonly known: boolean;
  readonly start: StartTrial;
}

/**
 * Starts a container of the new image with the service's environment, network and mounts, and creates the application in it, as
 * each worker will; copies a file into it, as into the one that will serve; and tries the image's own start in another. The first
 * container stays for the later steps: starting one takes half a second that an outage has not.
 *
 * @param revision the database's, if it has one.
 * @throws {CommandError} with the application's own error when it can't be imported or created.
 * @throws {OpsError} `failed` when a container of the image would not come up.
 */
export async function tryImage(ops: Ops, facts: Facts, revision: string | undefined): Promise<TriedImage> {
  const command = runDetached(ops.target, facts.stack.services.app.key, {
    name: oneOffName(ops, facts),
    labels: ownerLabels(ops),
    argv: ['sleep', '86400'],
    env: stampOf(ops.target, facts.checkout.commit),
    text: await besideText(ops, facts.stack, facts.stack.services.app),
  });
  const oneOff = (await ask(ops, command)).split('\n').at(-1) ?? '';
  await createsApplication(ops, oneOff);
  const { head, known } = await readRevisions(ops, oneOff, ops.target.app.root, revision);
  await tryCopy(ops, oneOff);
  const start = await tryStart(ops, facts, oneOff);
  if ('why' in start) ops.screen.show({ event: 'warning', text: start.why });
  return { oneOff, head, known, start };
}

/** A root file system that is read only, for one, refuses what userdata and the release's mark need. */
async function tryCopy(ops: Ops, oneOff: string): Promise<void> {
  const file = path.join(ops.paths.run, 'trial');
  writeFileSync(file, '', { mode: 0o600 });
  await run(ops, change(['docker', 'cp', file, `${oneOff}:${ops.target.app.root}/${MARKER}`]));
}

export function trialEvidence({ head, start }: TriedImage): Text {
  const tried = 'tried' in start ? `; ${start.tried.join(', ')}` : '';
  return { en: `schema revision ${head}${tried}`, zh: `数据库结构版本 ${head}${tried}` };
}

/** Removes it by name, so that one whose start was interrupted goes too. False when it may still be there. */
export const removeOneOff = (ops: Ops, facts: Facts): Promise<boolean> => discardContainer(ops, oneOffName(ops, facts));

const oneOffName = (ops: Ops, facts: Facts) => `${facts.stack.project}-one-off-${runName(ops).slice(0, 16)}`;
