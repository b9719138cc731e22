import type { Target } from '../../core/target.ts';
import type { Definition } from '../../tools/docker/definition.ts';
import { watchedOf } from '../app/routes.ts';
import type { SavedUserdata } from '../app/userdata.ts';
import type { VerifiedArchive, VerifiedBackup } from '../backup/proofs.ts';
import { type DowntimeWatch, watchDowntime } from '../hold/downtime.ts';
import { type RequestHold, requestHold } from '../hold/hold.ts';
import type { HoldFacts } from '../hold/survey.ts';
import type { PreviousImage } from '../images/previous.ts';
import type { Facts } from '../stack/deployment.ts';
import type { ServiceRole } from '../stack/stack.ts';
import type { Former, Replacement } from './replace.ts';

/** One replacement of what is deployed: what there is, and what was put aside so far: all that bringing it back needs. Filled step by step. */
export interface Cutover {
  readonly target: Target;
  /** What is deployed, and what will be. */
  readonly facts: Facts;
  /** What becomes of requests meanwhile. */
  readonly requests: HoldFacts;
  /** Requests to the application, which wait while it is replaced, if they can. */
  readonly hold: RequestHold;
  readonly downtime: DowntimeWatch;
  previous?: PreviousImage | undefined;
  userdata?: SavedUserdata | undefined;
  /** userdata can't be read in any way, and a person has agreed to lose it. */
  readonly losesUserdata?: boolean;
  /** The newest verified backup of the database; of its files, when it can't be dumped. */
  backup?: VerifiedBackup | VerifiedArchive | undefined;
  /** The engine has been asked to stop the application. */
  stopping?: boolean;
  /** Volumes have begun to be deleted. */
  removed?: boolean;
  /** What the application's new container is made of, where that is not what the compose file says. */
  definition?: Definition | undefined;
  /** The text of `.env` that the application's new container was made with. */
  env?: string | undefined;
  /** What serves, described before anything stops, so that it can be made again. */
  formers?: Partial<Record<ServiceRole, Former>>;
  /** New containers that wait beside what serves, or have taken its place. */
  replaced?: Partial<Record<ServiceRole, Replacement>>;
}

/** Of which nothing has happened yet. */
export const cutoverOf = (target: Target, facts: Facts, requests: HoldFacts): Cutover => ({
  target,
  facts,
  requests,
  hold: requestHold(requests),
  // What did not serve can't go down.
  downtime: watchDowntime({
    app: facts.app?.serving ? facts.containers.app : undefined,
    routes: watchedOf(facts.app?.served),
    hold: requests,
  }),
});
