/** The parts of a rollback, for `scripts/rollback-prod.ts`. */
export { goBackByImage } from './carry-out.ts';
export { chooseWay, findChoice } from './choices.ts';
export type { Choice } from './facts.ts';
export { forgetOld } from './forget.ts';
export { surveyImageWay } from './image-survey.ts';
export { showReleases } from './list.ts';
export { surveyReleases } from './survey.ts';
export { agreeToGo, conclude, showPlan } from './talk.ts';
export { advice, proveAsBefore } from './undo.ts';
export { unfit } from './unfit.ts';
