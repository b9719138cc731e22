/** The parts of a disaster drill, for `scripts/rehearse.ts`. */
export { recordDrill } from '../../domain/ledger/drills.ts';
export { conclude, drillOf, recordUnusable } from './conclude.ts';
export { showPlan } from './messages.ts';
export { begin } from './steps.ts';
export { surveyRehearsal } from './survey.ts';
