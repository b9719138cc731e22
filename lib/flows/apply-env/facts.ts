import type { Cutover } from '../../domain/replacement/cutover.ts';
import type { EnvChange } from '../../domain/stack/deployment.ts';

/** What applying `.env` depends on; what will be deployed is the release that runs. */
export interface EnvWay extends Cutover {
  /** Variables by which `.env` differs from what the container was made with; `undefined`: none. */
  readonly change: EnvChange | undefined;
  /** Those of them that `.env` no longer has and that the next container would have all the same: by its image. */
  readonly stuck: readonly string[];
  /** Variables of the container that shall have the commit and have another: it was hot-updated since, or they are new. */
  readonly stamps: readonly string[];
  /** A run that was killed has put the former container aside, and nobody has proved what is in its place. */
  readonly isUnproved: boolean;
  /** The container does not run, whoever stopped it: that it has the present `.env` says nothing then. */
  readonly isDown: boolean;
}
