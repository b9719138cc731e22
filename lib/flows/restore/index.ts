/** The parts of a restore, for `scripts/restore-prod.ts`. */
export { surveyHold } from '../../domain/hold/survey.ts';
export { restoreRequest } from '../../domain/restoration/losses.ts';
export { keptBeside } from '../../domain/restoration/steps.ts';
export { surveyRestore } from '../../domain/restoration/survey.ts';
export { conclude, finish } from './conclude.ts';
export { dropLeft, showPlan } from './messages.ts';
export { begin } from './steps.ts';
export { wantedBy } from './wanted.ts';
