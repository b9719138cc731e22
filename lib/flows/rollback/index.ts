/** The parts of a rollback, for `scripts/rollback-prod.ts`. */

export { forgetOld } from '../../domain/images/forget.ts';
export { goBackByImage } from './carry-out.ts';
export { chooseWay, findChoice } from './choices.ts';
export type { Choice } from './facts.ts';
export { surveyImageWay } from './image-survey.ts';
export { showReleases } from './list.ts';
export { agreeToGo, conclude, showPlan } from './messages.ts';
export { surveyReleases } from './survey.ts';
export { advice, proveAsBefore } from './undo.ts';
export { unfit } from './unfit.ts';
