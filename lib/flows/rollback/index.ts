/** The parts of a rollback, for `scripts/rollback-prod.ts`. */
export { forgetOld, keepContainer } from '../../domain/images/kept-container.ts';
export { discardFormers } from '../../domain/replacement/replace.ts';
export { removeOneOff } from '../../domain/replacement/try-start.ts';
export { restoreRequest } from '../../domain/restoration/losses.ts';
export { chooseWay, findChoice } from './choices.ts';
export type { Choice } from './facts.ts';
export * as hot from './hot.ts';
export { beginByImage } from './image-steps.ts';
export { surveyImageWay } from './image-survey.ts';
export { showReleases } from './list.ts';
export { agreeToGo, conclude, showPlan } from './messages.ts';
export { surveyReleases } from './survey.ts';
