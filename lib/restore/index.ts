/** The parts of a restore, for `scripts/restore-prod.ts`. */
export { plannedSteps, restoreRequest } from './plan.ts';
export {
  advice,
  discard,
  type Progress,
  pause,
  prepare,
  prove,
  proveAsBefore,
  resume,
  swap,
  swapAgain,
} from './steps.ts';
export { surveyRestore } from './survey.ts';
