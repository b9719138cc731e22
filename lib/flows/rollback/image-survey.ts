import type { Ops } from '../../core/ops.ts';
import { refuse, throwIfAny } from '../../core/refusal.ts';
import { type HoldOptions, surveyHold } from '../../domain/hold/survey.ts';
import { keptDefinition } from '../../domain/images/kept-container.ts';
import { hiddenBy } from '../../domain/release/hidden.ts';
import { describeCommit } from '../../domain/release/source.ts';
import { cutoverOf } from '../../domain/replacement/cutover.ts';
import { unreadable } from '../../domain/replacement/data-refusals.ts';
import { composeRefusals, otherRefusals } from '../../domain/replacement/refusals.ts';
import { surveyRebuild } from '../../domain/replacement/survey.ts';
import { surveyRestore } from '../../domain/restoration/survey.ts';
import { inspectSchema, type Schema } from '../../domain/schema/revision.ts';
import { databaseOf } from '../../domain/stack/database.ts';
import type { Facts, Hidden } from '../../domain/stack/deployment.ts';
import { mountOf } from '../../tools/docker/containers.ts';
import type { Definition } from '../../tools/docker/definition.ts';
import { treeOf } from '../../tools/git/tree.ts';
import type { Database } from '../../tools/postgres/database.ts';
import { queryOne } from '../../tools/postgres/psql.ts';
import type { Choice } from './facts.ts';
import type { ImageWay } from './image-facts.ts';

/**
 * Looks at everything that replacing the container depends on; changes nothing. The application itself may be down: that may be
 * why somebody wants to go back.
 *
 * @param asked.backup directory or name of the backup whose data goes back too.
 * @param asked.tries whether holding requests is tried: not with `--plan`.
 * @throws {OpsError} `precondition` when the database or Redis doesn't run, or something else is in the way.
 */
export async function surveyImageWay(
  ops: Ops,
  choice: Choice,
  imageId: string,
  asked: { readonly backup: string | undefined; readonly hold: HoldOptions; readonly tries: boolean },
): Promise<ImageWay> {
  const { backup } = asked;
  const facts = await surveyRebuild(ops, true);
  const kept = keptDefinition(ops.paths, choice.release.run);
  const hold = await surveyHold(ops, facts.containers.app, asked.hold, asked.tries);
  refuseWhatIsInTheWay(ops, facts, kept !== undefined);
  const { postgres, redis } = facts.containers;
  if (postgres?.state !== 'running' || redis?.state !== 'running') throw storesDown();
  const database = databaseOf(facts.stack, postgres, facts.volumes);
  const [schema, oid, data] = await Promise.all([
    inspectSchema(ops, database),
    backup === undefined ? undefined : databaseId(ops, database),
    backup === undefined ? undefined : surveyRestore(ops, { kind: 'backup', backup }),
  ]);
  const { commit, subject } = choice.release;
  const hidden = await hiddenOf(ops, facts, commit, kept);
  return {
    ...cutoverOf(ops.target, { ...facts, checkout: { ...facts.checkout, commit, subject }, hidden }, hold),
    choice,
    imageId,
    kept,
    database,
    oid,
    revision: revisionOf(schema),
    data,
  };
}

/** What the container's mounts hide of the release that comes back; nothing is known of a commit that is not here any more. */
async function hiddenOf(ops: Ops, { stack }: Facts, commit: string, kept: Definition | undefined): Promise<Hidden[]> {
  if ((await describeCommit(ops, commit)) === undefined) return [];
  const mounts = kept ? kept.Mounts.map(mountOf) : stack.services.app.mounts;
  return hiddenBy(ops.target, mounts, (await treeOf(ops, commit)).keys());
}

/**
 * Of any new container; where it is known how the former one was made, the compose file's own wishes are none of its business. A database
 * that can't be read stays as it is: the bad release may be what locks it, and the former one is tried on it before anything stops.
 */
function refuseWhatIsInTheWay(ops: Ops, facts: Facts, isKnown: boolean): void {
  const wishes = composeRefusals(ops.target, facts, []);
  throwIfAny([...(isKnown ? [] : wishes), ...otherRefusals(ops.target, facts, 'keep')]);
  const warned = [...(isKnown ? wishes : []), ...unreadable(facts, 'keep')];
  for (const { text } of warned) ops.screen.show({ event: 'warning', text });
}

/** What stays the same when a database gets another name. */
export async function databaseId(ops: Ops, database: Database): Promise<number> {
  const sql = 'SELECT to_jsonb(oid::bigint) FROM pg_database WHERE datname = current_database()';
  return queryOne<number>(ops, database, sql);
}

export const revisionOf = (schema: Schema): string | undefined =>
  schema.kind === 'versioned' ? schema.revision : undefined;

const storesDown = () =>
  refuse(
    {
      en: 'PostgreSQL and Redis must run: the former release is tried on them before anything is replaced.',
      zh: 'PostgreSQL 与 Redis 必须处于运行状态: 替换之前要连接它们试运行旧版本.',
    },
    {
      en: 'Start it: docker start <its container>, which this names: npx tsx scripts/doctor.ts. A full rebuild would build the commit that is checked out: only after git checkout of a good one.',
      zh: '请先启动: docker start <其容器> (容器名称见 npx tsx scripts/doctor.ts). 全量重建构建的是当前检出的提交, 仅在 git checkout 到正常的提交之后使用.',
    },
  );
