/** The parts of a hot update, for `scripts/update-prod-flask.ts`. */
export { stagingOf } from '../app/staging.ts';
export { check } from './check.ts';
export { conclude } from './conclude.ts';
export { backUp, backupEvidence, endMigration, migrateStaged, migrationEvidence } from './database-steps.ts';
export { watchFromOutside } from './outside.ts';
export { planUpdate } from './plan.ts';
export type { Progress } from './progress.ts';
export { proveUpdate } from './prove.ts';
export { RESTARTS } from './restart.ts';
export { settle } from './settle.ts';
export { saveLocalChanges, stage, stageEvidence, unstage } from './stage.ts';
export { surveyUpdate } from './survey.ts';
export { restart, switchBack, switchFiles } from './switch.ts';
export { agreeToGo, nothingToDo, optionsOf, showPlan } from './talk.ts';
export { tryRelease } from './try-release.ts';
export { advice, proveAsBefore } from './undo.ts';
