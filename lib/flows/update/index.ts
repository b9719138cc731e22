/** The parts of a hot update, for `scripts/update-prod-flask.ts`. */
export { stagingOf } from '../../domain/app/staging.ts';
export { watchFromOutside } from '../../domain/hold/downtime.ts';
export { releaseHot } from './carry-out.ts';
export { conclude } from './conclude.ts';
export { holdOf, planWithHold } from './hold.ts';
export { agreeToGo, nothingToDo, optionsOf, showPlan } from './messages.ts';
export type { Progress } from './progress.ts';
export { RESTARTS } from './restart-kinds.ts';
export { surveyUpdate } from './survey.ts';
export { advice, proveAsBefore } from './undo.ts';
export { ways } from './ways.ts';
