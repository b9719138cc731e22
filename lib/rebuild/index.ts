/** The parts of a full rebuild, for `scripts/deploy-prod-all.ts`. */
export { bringBackApp, startNewApp, stopApp, stopNewApp } from './app-container.ts';
export { backUp, backupEvidence, discardHelpers } from './backup-steps.ts';
export { startOnKept } from './beforehand.ts';
export { conclude } from './conclude.ts';
export { bringBackData, bringBackSchema, removeData } from './data-steps.ts';
export { backUpAgain } from './final-backup.ts';
export { fetchStoreImages, keepPreviousImage, restoreImage } from './image.ts';
export { removeOneOff, tryImage } from './one-off.ts';
export { watchFromOutside } from './outside.ts';
export { deletionRequest, planRebuild } from './plan.ts';
export { discardPreparation, prepareDatabase } from './prepare.ts';
export { healthEvidence, proveRebuild } from './prove.ts';
export type { PutAside } from './put-aside.ts';
export { restartStores } from './stop-stores.ts';
export { ensureConnection, migrateAndSeed, startOnPrepared } from './stores.ts';
export { lookAgain, surveyRebuild } from './survey.ts';
export { adminEvidence, agreeToGo, chooseData, migrationEvidence, showPlan } from './talk.ts';
export { advice, proveAsBefore } from './undo.ts';
