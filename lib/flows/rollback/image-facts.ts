import type { Beside } from '../../domain/data/restore.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import type { PutAside } from '../../domain/replacement/state.ts';
import type { Facts as RestoreFacts } from '../../domain/restoration/facts.ts';
import type { Facts as RebuildFacts } from '../../domain/stack/deployment.ts';
import type { Definition } from '../../tools/docker/definition.ts';
import type { Database } from '../../tools/postgres/database.ts';
import type { Choice } from './facts.ts';

/** What the steps of this way know and have put aside. */
export interface ImageWay {
  readonly choice: Choice;
  /** The image to go back to. */
  readonly imageId: string;
  /** What that release's container was made of. */
  readonly kept: Definition | undefined;
  /** What is deployed, with the release as that which will be. */
  readonly facts: RebuildFacts;
  readonly database: Database;
  /** The database's own id, whatever it is called; asked when data goes back too. */
  readonly oid: number | undefined;
  readonly revision: string | undefined;
  /** The data that goes back with the code. */
  readonly data: RestoreFacts | undefined;
  /** What becomes of requests meanwhile. */
  readonly hold: HoldFacts;
  readonly aside: PutAside;
  readonly restored: { beside?: Beside | undefined };
}
