/**
 * The public API for scripts. {@link script} is for one's own: it hands over the deployment, looks without a lock and changes in steps.
 * {@link main} is what it is built on: everything takes an {@link Ops}; the helpers that destroy take proofs, which only the guards
 * can make.
 */
export type { App, AppProgram } from './adhoc/app.ts';
export type { Chain, Link } from './adhoc/chain.ts';
export type { Postgres, QueryOptions, WritablePostgres } from './adhoc/database.ts';
export type { Compared, Drift, Environment, Variables } from './adhoc/environment.ts';
export type { FlagValues, OwnFlag, OwnFlags } from './adhoc/flags.ts';
export type { Deployment, StepDeployment, WritableDeployment } from './adhoc/handle.ts';
export type { LogLine } from './adhoc/logs.ts';
export type { Voice } from './adhoc/output.ts';
export type { Redis, RedisAnswer } from './adhoc/redis.ts';
export type { Row, Rows } from './adhoc/rows.ts';
export { script } from './adhoc/script.ts';
export type { Secret } from './adhoc/secret.ts';
export type { ExecOptions, Service } from './adhoc/service.ts';
export type { Argument, Dollar, ShellCall, ShellOptions, ShellOutput } from './adhoc/shell.ts';
export type { Sql, SqlValue } from './adhoc/sql.ts';
export type { Step, StepsOptions } from './adhoc/steps.ts';
export type { Words } from './adhoc/words.ts';
export { ensureAdmin, revealAdmin } from './app/admin.ts';
export { endpointsOf, type Health, healthCheck, waitForHealth } from './app/health.ts';
export { buildImage } from './app/image.ts';
export { OpsError } from './errors.ts';
export { ADOPT_FLAG } from './guard/claim.ts';
export { type Consent, confirmDestructive, type DestructiveRequest } from './guard/consent.ts';
export { type RemovableVolume, removeVolumes } from './guard/remove-volumes.ts';
export {
  type NothingToLose,
  proveAbsent,
  proveNothingToLose,
  type Saved,
  type VerifiedArchive,
  type VerifiedBackup,
} from './guard/saved.ts';
export { type Command, change, read } from './host/command.ts';
export { discardStale } from './host/helpers.ts';
export type { Ops } from './host/ops.ts';
export { run } from './host/run.ts';
export { isProgram, thisProcess } from './host/world.ts';
export { type BackupOptions, backupPg } from './postgres/backup.ts';
export { type HbaProof, type Outside, proveHba, restoreHba } from './postgres/hba.ts';
export { migrate, seed } from './postgres/migrate.ts';
export { archiveVolume } from './postgres/volume-archive.ts';
export type { Script } from './runbook/command-line.ts';
export type { Parsed } from './runbook/flags.ts';
export { main } from './runbook/script.ts';
export { carryOut, type PlannedStep } from './runbook/steps.ts';
export { resolveStack } from './target/compose-config.ts';
export { findContainers, findVolumes } from './target/containers.ts';
export { databaseOf } from './target/database.ts';
export type { Container, Database, Stack } from './target/stack.ts';
export type { Text } from './text.ts';
