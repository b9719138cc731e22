/** The parts of a disaster drill, for `scripts/rehearse.ts`. */
export { recordDrill } from '../../domain/ledger/drills.ts';
export { conclude, drillOf, recordUnusable, showPlan } from './conclude.ts';
export { begin } from './steps.ts';
export { surveyRehearsal } from './survey.ts';
