import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { imageId } from '../../domain/images/build.ts';
import { keepPreviousImage } from '../../domain/images/previous.ts';
import type { Cutover } from '../../domain/replacement/cutover.ts';
import { tag } from '../../tools/docker/docker.ts';
import { discardStale } from '../../tools/docker/helpers.ts';

/** The image that will run, and what the service's image name meant before. */
export interface KeptCode {
  readonly imageId: string;
  readonly named: string | undefined;
}

/**
 * Makes sure that the service's image name means exactly the code that runs: a container that was hot-updated is not its image, and a new
 * container of that image would bring the old code back.
 */
export async function keepCode(ops: Ops, cutover: Cutover): Promise<KeptCode> {
  const { image } = cutover.facts.stack.services.app;
  await discardStale(ops);
  const named = await imageId(ops, image);
  cutover.previous = await keepPreviousImage(ops, cutover.facts);
  if (cutover.previous === undefined) throw new Error('the application’s container has no image');
  await run(ops, tag(cutover.previous.id, image));
  return { imageId: cutover.previous.id, named };
}

/** The name means again what it meant. */
export async function giveNameBack(ops: Ops, { facts }: Cutover, named: string | undefined): Promise<void> {
  if (named !== undefined) await run(ops, tag(named, facts.stack.services.app.image));
}
