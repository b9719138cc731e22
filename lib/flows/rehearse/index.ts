/** The parts of a disaster drill, for `scripts/rehearse.ts`. */
export { conclude, drillOf, recordUnusable } from './conclude.ts';
export { plannedSteps, showPlan } from './plan.ts';
export { begin } from './progress.ts';
export {
  boot,
  bootEvidence,
  discard,
  haveImage,
  haveStores,
  migrateRestored,
  proveGone,
  restore,
  restoreEvidence,
  unlessStopped,
} from './steps.ts';
export { surveyRehearsal } from './survey.ts';
