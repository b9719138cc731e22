import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { imageId } from '../../domain/images/build.ts';
import { keepPreviousImage } from '../../domain/images/previous.ts';
import type { PutAside } from '../../domain/replacement/state.ts';
import type { Facts as Deployed } from '../../domain/stack/deployment.ts';
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
export async function keepCode(ops: Ops, deployed: Deployed, aside: PutAside): Promise<KeptCode> {
  const { image } = deployed.stack.services.app;
  await discardStale(ops);
  const named = await imageId(ops, image);
  aside.previous = await keepPreviousImage(ops, deployed);
  if (aside.previous === undefined) throw new Error('the application’s container has no image');
  await run(ops, tag(aside.previous.id, image));
  return { imageId: aside.previous.id, named };
}

/** The name means again what it meant. */
export async function giveNameBack(ops: Ops, deployed: Deployed, named: string | undefined): Promise<void> {
  if (named !== undefined) await run(ops, tag(named, deployed.stack.services.app.image));
}
