/** The parts of a hot update, for `scripts/update-prod-flask.ts`. */
export { forgetOld } from '../../domain/images/forget.ts';
export { showSteps } from '../../runs/steps/show-steps.ts';
export { conclude } from './conclude.ts';
export { planWithHold } from './hold.ts';
export { agreeToGo, nothingToDo, optionsOf, showFacts } from './messages.ts';
export { RESTARTS } from './restart-kinds.ts';
export { begin } from './steps.ts';
export { surveyUpdate } from './survey.ts';
