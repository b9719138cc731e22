/** The parts of a hot update, for `scripts/update-prod-flask.ts`. */

export { conclude } from '../../domain/hot-release/conclude.ts';
export { planWithHold } from '../../domain/hot-release/hold.ts';
export { agreeToGo, nothingToDo, showFacts } from '../../domain/hot-release/messages.ts';
export { RESTARTS } from '../../domain/hot-release/options.ts';
export { begin } from '../../domain/hot-release/steps.ts';
export { surveyUpdate } from '../../domain/hot-release/survey.ts';
export { forgetOld } from '../../domain/images/kept-container.ts';
export { releaseOptions } from '../../runs/command-line/deployment-flags.ts';
export { showSteps } from '../../runs/steps/steps.ts';
