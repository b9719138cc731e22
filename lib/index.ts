/**
 * The public API for scripts. {@link script} is for one's own: it hands over the deployment, looks without a lock and changes in steps.
 * {@link program} is what it is built on: everything takes an {@link Ops}; the helpers that destroy take proofs, which only the guards
 * can make.
 */
export type { App, AppProgram } from './adhoc/app.ts';
export type { Chain, Link } from './adhoc/chain.ts';
export type { Postgres, QueryOptions, WritablePostgres } from './adhoc/database.ts';
export type { Compared, Drift, Environment, Variables } from './adhoc/environment.ts';
export type { FlagValues, OwnFlag, OwnFlags } from './adhoc/flags.ts';
export type { Deployment, Step, StepDeployment, StepsOptions, WritableDeployment } from './adhoc/handle.ts';
export type { LogLine } from './adhoc/logs.ts';
export type { Voice } from './adhoc/output.ts';
export type { Redis, RedisAnswer } from './adhoc/redis.ts';
export type { Row, Rows } from './adhoc/rows.ts';
export { script } from './adhoc/script.ts';
export type { Secret } from './adhoc/secret.ts';
export type { ExecOptions, Service } from './adhoc/service.ts';
export type { Argument, Dollar, ShellCall, ShellOptions, ShellOutput } from './adhoc/shell.ts';
export type { Sql, SqlValue } from './adhoc/sql.ts';
export type { Words } from './adhoc/words.ts';
export { OpsError } from './core/errors.ts';
export type { Ops } from './core/ops.ts';
export { type Command, change, read, run } from './core/run.ts';
export type { PlannedStep } from './core/step.ts';
export type { Text } from './core/text.ts';
export { ONLY_PLANNED } from './core/verdict.ts';
export { ensureAdmin, revealAdmin } from './domain/app/admin.ts';
export { endpointsOf, type Health, healthCheck, waitForHealth } from './domain/app/health.ts';
export { type BackupOptions, backupPg } from './domain/backup/backup.ts';
export {
  type NothingToLose,
  proveAbsent,
  proveNothingToLose,
  type SafeToDelete,
  type VerifiedArchive,
  type VerifiedBackup,
} from './domain/backup/proofs.ts';
export { archiveVolume } from './domain/backup/volume-archive.ts';
export { type Consent, confirmDestructive, type DestructiveRequest } from './domain/data/consent.ts';
export { type RemovableVolume, removeVolumes } from './domain/data/remove-volumes.ts';
export { buildImage } from './domain/images/build.ts';
export { migrate, seed } from './domain/schema/migrate.ts';
export { resolveStack } from './domain/stack/compose-config.ts';
export { findContainers, findVolumes } from './domain/stack/containers.ts';
export type { Stack } from './domain/stack/stack.ts';
export { databaseOf } from './domain/stack/stack.ts';
export { holdOptions, STACK_FLAGS } from './runs/command-line/deployment-flags.ts';
export { type Parsed, usage } from './runs/command-line/flags.ts';
export type { Script } from './runs/command-line/script.ts';
export { program } from './runs/main/main.ts';
export { carryOut } from './runs/steps/steps.ts';
export type { Container } from './tools/docker/containers.ts';
export { discardStale } from './tools/docker/helpers.ts';
export { type HbaProof, proveHba, type RemoteAccess, restoreHba } from './tools/pg-hba/hba.ts';
export type { Database } from './tools/postgres/psql.ts';
