import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { userdataSize } from '../../domain/app/userdata.ts';
import { claimStack } from '../../domain/data/claim.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { findAllContainers, findVolumes, inUseOf } from '../../domain/stack/containers.ts';
import { unsettled } from '../../domain/stack/replicas.ts';
import { databaseOf } from '../../domain/stack/stack.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { requireLocalEngine } from '../../tools/docker/engine.ts';
import type { Database } from '../../tools/postgres/psql.ts';

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
  const [all, volumes] = await Promise.all([findAllContainers(ops, stack), findVolumes(ops, stack)]);
  const { postgres, app } = inUseOf(all);
  if (postgres?.state !== 'running')
    throw notRunning(stack.services.postgres.key, postgres, unsettled(all.postgres)?.fix);
  const runs = app?.state === 'running';
  const [marker, userdataBytes] = await Promise.all([
    runs ? readMarker(ops, app.id) : undefined,
    runs ? userdataSize(ops, app.id, 'all') : 0,
  ]);
  return { database: databaseOf(stack, postgres, volumes), app, commit: marker?.commit, userdataBytes };
}

const notRunning = (key: string, container: Container | undefined, fix?: Text) =>
  new OpsError({
    kind: 'precondition',
    what: {
      en: `The database (${key}) does not run, so nothing can be dumped.`,
      zh: `数据库 (${key}) 未运行, 无法导出.`,
    },
    state: { en: `No backup was begun. ${NOTHING_CHANGED.en}`, zh: `尚未开始备份. ${NOTHING_CHANGED.zh}` },
    next: [
      fix ?? {
        en: `${container ? `Start it: docker start ${container.id.slice(0, 12)}   If it can't start` : 'It has no container'}, its files are archived by: npx tsx scripts/deploy-prod-all.ts`,
        zh: `${container ? `请先启动: docker start ${container.id.slice(0, 12)}   若无法启动` : '没有容器'}, 全量重建会归档其数据文件: npx tsx scripts/deploy-prod-all.ts`,
      },
    ],
  });
