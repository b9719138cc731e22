import type { Cutover } from '../../domain/replacement/cutover.ts';
import type { Facts as RestoreFacts } from '../../domain/restoration/facts.ts';
import type { Definition } from '../../tools/docker/definition.ts';
import type { Database } from '../../tools/postgres/database.ts';
import type { Choice } from './facts.ts';

/** What the steps of this way know and have put aside; what will be deployed is the release. */
export interface ImageWay extends Cutover {
  readonly choice: Choice;
  /** The image to go back to. */
  readonly imageId: string;
  /** What that release's container was made of. */
  readonly kept: Definition | undefined;
  readonly database: Database;
  /** The database's own id, whatever it is called; asked when data goes back too. */
  readonly oid: number | undefined;
  readonly revision: string | undefined;
  /** The data that goes back with the code. */
  readonly data: RestoreFacts | undefined;
}
