import { readMarker } from '../app/marker.ts';
import { userdataSize } from '../app/userdata.ts';
import { NOTHING_CHANGED, OpsError } from '../errors.ts';
import { claimStack } from '../guard/claim.ts';
import { composeTyped } from '../host/compose.ts';
import type { Ops } from '../host/ops.ts';
import { resolveStack } from '../target/compose-config.ts';
import { findContainers, findVolumes } from '../target/containers.ts';
import { databaseOf } from '../target/database.ts';
import { requireLocalEngine } from '../target/engine.ts';
import type { Container, Database } from '../target/stack.ts';
import type { Target } from '../target/target.ts';

/** What a backup is taken of. */
export interface Facts {
  readonly database: Database;
  readonly app: Container | undefined;
  /** The commit that runs, where a release of ours says it. */
  readonly commit: string | undefined;
  /** About; 0 when the application does not run. */
  readonly userdataBytes: number;
}

/** Looks at the database and the application. @throws {OpsError} `precondition` when the database does not run */
export async function surveyBackup(ops: Ops): Promise<Facts> {
  const [stack] = await Promise.all([resolveStack(ops), requireLocalEngine(ops)]);
  await claimStack(ops, stack, 'look'); // it only reads; a nightly backup must not end because a directory was moved
  const [{ postgres, app }, volumes] = await Promise.all([findContainers(ops, stack), findVolumes(ops, stack)]);
  if (postgres?.state !== 'running') throw notRunning(ops.target, stack.services.postgres.key);
  const runs = app?.state === 'running';
  const [marker, userdataBytes] = await Promise.all([
    runs ? readMarker(ops, app.id) : undefined,
    runs ? userdataSize(ops, app.id) : 0,
  ]);
  return { database: databaseOf(stack, postgres, volumes), app, commit: marker?.commit, userdataBytes };
}

const notRunning = (target: Target, key: string) =>
  new OpsError({
    kind: 'precondition',
    what: {
      en: `The database (${key}) does not run, so nothing can be dumped.`,
      zh: `数据库 (${key}) 未运行, 无法导出.`,
    },
    state: { en: `No backup was begun. ${NOTHING_CHANGED.en}`, zh: `尚未开始备份. ${NOTHING_CHANGED.zh}` },
    next: [
      {
        en: `Start it: ${composeTyped(target, 'up', '-d', '--no-deps', key)}   If it can't start, its files are archived by: npx tsx scripts/deploy-prod-all.ts`,
        zh: `请先启动: ${composeTyped(target, 'up', '-d', '--no-deps', key)}   若无法启动, 全量重建会归档其数据文件: npx tsx scripts/deploy-prod-all.ts`,
      },
    ],
  });
