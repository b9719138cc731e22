/** The parts of applying a changed `.env`, for `scripts/apply-env.ts`. */
export { forgetOld, keepContainer } from '../../domain/images/kept-container.ts';
export { discardFormers } from '../../domain/replacement/replace.ts';
export { removeOneOff } from '../../domain/replacement/try-start.ts';
export { agreeToGo, conclude, nothingToDo, showPlan } from './messages.ts';
export { refuse } from './refusals.ts';
export { begin } from './steps.ts';
export { surveyEnv } from './survey.ts';
