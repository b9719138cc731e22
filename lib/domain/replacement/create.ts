import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { holdersOf } from '../../tools/docker/same-volume.ts';
import { stampOf } from '../env/stamp.ts';
import type { ServiceRole } from '../stack/stack.ts';
import type { Cutover } from './cutover.ts';
import { createBeside, describeFormer, discardNext, type Former, type Replacement } from './replace.ts';

export interface Wanted {
  readonly roles: readonly ServiceRole[];
  readonly deletes?: readonly string[];
}

/**
 * Makes the new containers beside those that serve, of what will run. What can't be made, because the compose file asks for what there
 * isn't, is known before anything stops. A container whose volume will be deleted has no new one beside it: that would hold the volume.
 *
 * @param wanted.roles whose containers are replaced.
 * @param wanted.deletes names of the volumes that will be deleted.
 */
export async function createNew(ops: Ops, cutover: Cutover, wanted: Wanted): Promise<void> {
  const { facts } = cutover;
  const { roles, deletes = [] } = wanted;
  const holders = await holdersOf(ops, ...deletes);
  const willHold = new Set(facts.stack.volumes.filter((v) => deletes.includes(v.name)).map((v) => v.role));
  for (const role of roles) {
    const container = facts.containers[role];
    if (container === undefined) continue;
    const former = await describeFormer(ops, role, container);
    cutover.formers = { ...cutover.formers, [role]: former };
    if (holders.has(container.id) || willHold.has(role)) continue;
    const made = role === 'app' ? makeApp(ops, cutover, former) : createBeside(ops, facts.stack, role, { former });
    cutover.replaced = { ...cutover.replaced, [role]: await made };
  }
}

/** The application's new container; with it goes the `.env` of this moment, whoever edits the file from here on. */
export async function makeApp(ops: Ops, cutover: Cutover, former: Former | undefined): Promise<Replacement> {
  const { facts, definition } = cutover;
  const variables = stampOf(ops.target, facts.checkout.commit);
  cutover.env = readFileSync(path.join(ops.target.dir, '.env'), 'utf8');
  return createBeside(ops, facts.stack, 'app', { former, definition, variables });
}

/** Removes the new containers; those that served have their places again. */
export async function discardNew(ops: Ops, { replaced }: Cutover): Promise<void> {
  for (const replacement of Object.values(replaced ?? {})) await discardNext(ops, replacement);
}
