/** The parts of a full rebuild, for `scripts/deploy-prod-all.ts`. */

export { keepContainer } from '../../domain/images/kept-container.ts';
export { fetchStoreImages, keepPreviousImage, restoreImage } from '../../domain/images/previous.ts';
export { bringBackApp, startNewApp, stopNewApp } from '../../domain/replacement/app-container.ts';
export { healthEvidence } from '../../domain/replacement/container-health.ts';
export { discardNew } from '../../domain/replacement/create.ts';
export { watchFromOutside } from '../../domain/replacement/downtime.ts';
export { keptRevision, requireKnownRevision } from '../../domain/replacement/known-revision.ts';
export { removeOneOff, trialEvidence, tryImage } from '../../domain/replacement/one-off.ts';
export { discardFormers } from '../../domain/replacement/replace.ts';
export type { PutAside } from '../../domain/replacement/state.ts';
export { surveyRebuild } from '../../domain/replacement/survey.ts';
export { advice, proveAsBefore } from '../../domain/replacement/undo.ts';
export { migrationEvidence } from '../../domain/schema/migration-evidence.ts';
export { backUp, backupEvidence, discardHelpers } from './backup-steps.ts';
export { conclude } from './conclude.ts';
export { createForPlan } from './create-containers.ts';
export { bringBackData, bringBackSchema, removeData } from './data-steps.ts';
export { backUpAgain } from './final-backup.ts';
export { startOnKept } from './inspect-database.ts';
export { adminEvidence, agreeToGo, chooseData, showPlan } from './messages.ts';
export { deletionRequest, planRebuild, userdataRequest } from './plan.ts';
export { discardPreparation, prepareDatabase } from './prepare.ts';
export { proofEvidence, proveRebuild } from './prove.ts';
export { stopApp } from './stop-app.ts';
export { restartStores } from './stop-stores.ts';
export { bringBackStores, ensureConnection, migrateAndSeed, startOnPrepared } from './stores.ts';
export { lookAgain } from './survey-again.ts';
