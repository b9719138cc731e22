/**
 * The public API for scripts. Everything takes an {@link Ops}, which {@link main} makes; the helpers that destroy take proofs, which only
 * the guards can make.
 */
export { ensureAdmin, revealAdmin } from './app/admin.ts';
export { endpointsOf, type Health, healthCheck, waitForHealth } from './app/health.ts';
export { buildImage } from './app/image.ts';
export { OpsError } from './errors.ts';
export { ADOPT_FLAG } from './guard/claim.ts';
export { type Consent, confirmDestructive } from './guard/consent.ts';
export { type RemovableVolume, removeVolumes } from './guard/remove-volumes.ts';
export type { NothingToLose, Saved, VerifiedArchive, VerifiedBackup } from './guard/saved.ts';
export { discardStale } from './host/helpers.ts';
export type { Ops } from './host/ops.ts';
export { isProgram, thisProcess } from './host/world.ts';
export { backupPg } from './postgres/backup.ts';
export { type HbaProof, proveHba, restoreHba } from './postgres/hba.ts';
export { migrate, seed } from './postgres/migrate.ts';
export type { Script } from './runbook/command-line.ts';
export { main } from './runbook/script.ts';
export { carryOut, type PlannedStep } from './runbook/steps.ts';
export { resolveStack } from './target/compose-config.ts';
export { findContainers, findVolumes } from './target/containers.ts';
