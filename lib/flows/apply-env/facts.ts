import type { HoldFacts } from '../../domain/hold/survey.ts';
import type { Facts as Deployed, EnvChange } from '../../domain/stack/deployment.ts';

/** What applying `.env` depends on. Plain data. */
export interface Facts {
  /** What is deployed, with the release that runs as the one that will. */
  readonly deployed: Deployed;
  /** Variables by which `.env` differs from what the container was made with; `undefined`: none. */
  readonly change: EnvChange | undefined;
  /** What becomes of requests meanwhile. */
  readonly hold: HoldFacts;
}
