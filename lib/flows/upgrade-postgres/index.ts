/** The parts of an upgrade of PostgreSQL, for `scripts/upgrade-postgres.ts`. */
export { discardFormers } from '../../domain/replacement/replace.ts';
export { backRequest, beginBack, noteBack, surveyBack } from './back.ts';
export { dropAside } from './drop.ts';
export { beginBringBack, beginFinish, beginStartAgain, surveyLeft, surveyWentBack } from './finish.ts';
export {
  agreeToGo,
  conclude,
  concludeBack,
  concludeDone,
  concludeTrial,
  showBack,
  showMeasured,
  showPlan,
} from './messages.ts';
export { noRoom } from './refusals.ts';
export { begin } from './steps.ts';
export { imageOf, surveyUpgrade } from './survey.ts';
export { requestsOf } from './switch.ts';
export { beginTrial } from './trial.ts';
export { wantedBy } from './wanted.ts';
