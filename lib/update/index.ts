/** The parts of a hot update, for `scripts/update-prod-flask.ts`. */
export { stagingOf } from '../app/staging.ts';
export { releaseHot } from './carry-out.ts';
export { conclude } from './conclude.ts';
export { watchFromOutside } from './outside.ts';
export { planUpdate } from './plan.ts';
export type { Progress } from './progress.ts';
export { RESTARTS } from './restart.ts';
export { surveyUpdate } from './survey.ts';
export { agreeToGo, nothingToDo, optionsOf, showPlan } from './talk.ts';
export { advice, proveAsBefore } from './undo.ts';
export { ways } from './ways.ts';
