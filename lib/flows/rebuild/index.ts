/** The parts of a full rebuild, for `scripts/deploy-prod-all.ts`. */
export { surveyHold } from '../../domain/hold/survey.ts';
export { tellStateInKept } from '../../domain/images/kept.ts';
export { forgetOld, keepContainer } from '../../domain/images/kept-container.ts';
export { refuseUnbuildable } from '../../domain/release/buildable.ts';
export { discardFormers } from '../../domain/replacement/replace.ts';
export { surveyRebuild } from '../../domain/replacement/survey.ts';
export { discardHelpers } from './backup.ts';
export { conclude, tellCollation } from './conclude.ts';
export { agreeToGo, chooseData, showPlan } from './messages.ts';
export { deletionRequest, planRebuild, userdataRequest } from './plan.ts';
export { begin } from './steps.ts';
