import path from 'node:path';
import { runDetached } from '../host/compose.ts';
import { discardContainer, ownerLabels } from '../host/helpers.ts';
import type { Ops } from '../host/ops.ts';
import { ask } from '../host/run.ts';
import { heads } from '../postgres/flask-db.ts';
import type { Facts } from './facts.ts';

export interface TriedImage {
  /** Id of a running container of the new image, for migrations and the like. */
  readonly oneOff: string;
  /** The newest schema revision that the image knows. */
  readonly head: string;
}

/**
 * Starts a container of the new image with the service's environment, network and mounts, and creates the application in it, as
 * each worker will. The container stays for the later steps: starting one takes half a second that an outage has not.
 *
 * @throws {CommandError} with the application's own error when it can't be imported or created.
 */
export async function tryImage(ops: Ops, facts: Facts): Promise<TriedImage> {
  const command = runDetached(ops.target, facts.stack.services.app.key, {
    name: oneOffName(ops, facts),
    labels: ownerLabels(ops),
    argv: ['sleep', '86400'],
  });
  const oneOff = (await ask(ops, command)).split('\n').at(-1) ?? '';
  return { oneOff, head: await heads(ops, oneOff) };
}

/** Removes it by name, so that one whose start was interrupted goes too. False when it may still be there. */
export const removeOneOff = (ops: Ops, facts: Facts): Promise<boolean> => discardContainer(ops, oneOffName(ops, facts));

const oneOffName = (ops: Ops, facts: Facts) =>
  `${facts.stack.project}-one-off-${path.basename(ops.paths.run).slice(0, 16)}`;
