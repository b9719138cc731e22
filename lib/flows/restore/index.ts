/** The parts of a restore, for `scripts/restore-prod.ts`. */
export { conclude } from './conclude.ts';
export { watchFromOutside } from './downtime.ts';
export { dropLeft } from './drop.ts';
export { restoreRequest } from './losses.ts';
export { showPlan } from './messages.ts';
export { plannedSteps } from './plan.ts';
export { advice, prove, proveAsBefore, provenText } from './prove.ts';
export {
  discard,
  noteWayBack,
  type Progress,
  pause,
  prepare,
  prepareEvidence,
  resume,
  swap,
  swapAgain,
} from './steps.ts';
export { surveyRestore } from './survey.ts';
export { wantedBy } from './wanted.ts';
