import path from 'node:path';
import { endpointsOf } from '../app/endpoints.ts';
import { healthCheck } from '../app/health.ts';
import { NOTHING_CHANGED, OpsError } from '../errors.ts';
import type { Ops } from '../host/ops.ts';
import { CommandError } from '../host/run.ts';
import { type DatabaseManifest, listBackups, readDatabaseManifest, type Stored } from '../postgres/manifest.ts';
import { countRows } from '../postgres/row-counts.ts';
import { resolveStack } from '../target/compose-config.ts';
import { findContainers, findVolumes } from '../target/containers.ts';
import { databaseOf } from '../target/database.ts';
import type { Facts } from './facts.ts';

/**
 * Looks at the database, the application and the backup; changes nothing.
 *
 * @param wanted a backup's directory or name, or `latest`; `kept`: a database that an earlier restore kept.
 * @throws {OpsError} `precondition` when the database does not run, or there is no such backup.
 */
export async function surveyRestore(ops: Ops, wanted: { backup?: string; kept?: string }): Promise<Facts> {
  const stack = await resolveStack(ops);
  const [containers, volumes] = await Promise.all([findContainers(ops, stack), findVolumes(ops, stack)]);
  const { postgres, app } = containers;
  if (postgres?.state !== 'running') throw notRunning(stack.services.postgres.key);
  const database = databaseOf(stack, postgres, volumes);
  const running = app?.state === 'running' ? app : undefined;
  const [health, rows] = await Promise.all([
    running && healthCheck(ops, endpointsOf(ops.target, running), { timeoutMs: 2_000 }),
    countRows(ops, database).catch((error: unknown) => {
      if (error instanceof CommandError) return undefined;
      throw error;
    }),
  ]);
  return {
    stack,
    database,
    app,
    serving: health?.healthy ?? false,
    incoming:
      wanted.kept === undefined
        ? { kind: 'backup', stored: findBackup(ops, database.name, wanted.backup ?? 'latest') }
        : { kind: 'kept', database: wanted.kept },
    rows,
  };
}

function findBackup(ops: Ops, database: string, wanted: string): Stored<DatabaseManifest> {
  if (wanted !== 'latest') {
    const dir = path.resolve(ops.paths.backups, wanted);
    return { dir, manifest: readDatabaseManifest(dir) };
  }
  const newest = listBackups(ops.paths.backups).stored.find(
    (s): s is Stored<DatabaseManifest> => s.manifest.kind === 'database' && s.manifest.database.name === database,
  );
  if (newest) return newest;
  throw new OpsError({
    kind: 'precondition',
    what: {
      en: `There is no backup of ${database} in ${ops.paths.backups}.`,
      zh: `${ops.paths.backups} 中没有 ${database} 的备份.`,
    },
    state: NOTHING_CHANGED,
    next: [{ en: 'Name one by its directory: --backup DIR', zh: '用 --backup 指定备份目录.' }],
  });
}

const notRunning = (key: string) =>
  new OpsError({
    kind: 'precondition',
    what: { en: `The database (${key}) does not run.`, zh: `数据库 (${key}) 未运行.` },
    state: NOTHING_CHANGED,
    next: [
      {
        en: `Start it: docker compose up -d --no-deps ${key}. If it can't start: npx tsx scripts/deploy-prod-all.ts`,
        zh: `请先启动: docker compose up -d --no-deps ${key}. 若无法启动: npx tsx scripts/deploy-prod-all.ts`,
      },
    ],
  });
