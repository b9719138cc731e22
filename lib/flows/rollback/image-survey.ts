import type { Ops } from '../../core/ops.ts';
import { type Reason, refuse, throwIfAny } from '../../core/refusal.ts';
import { type HoldOptions, surveyHold } from '../../domain/hold/survey.ts';
import { keptDefinition } from '../../domain/images/kept-container.ts';
import { hiddenBy } from '../../domain/release/hidden.ts';
import { describeCommit } from '../../domain/release/source.ts';
import { cutoverOf } from '../../domain/replacement/cutover.ts';
import { moved, unreadable } from '../../domain/replacement/data-refusals.ts';
import { composeRefusals, otherRefusals } from '../../domain/replacement/refusals.ts';
import { surveyRebuild } from '../../domain/replacement/survey.ts';
import { surveyRestore } from '../../domain/restoration/survey.ts';
import { inspectSchema, type Schema } from '../../domain/schema/revision.ts';
import { explainBind, findBrokenBinds } from '../../domain/stack/binds.ts';
import { findAllContainers } from '../../domain/stack/containers.ts';
import type { Facts, Hidden } from '../../domain/stack/deployment.ts';
import { userdataHomes } from '../../domain/stack/homes.ts';
import { explain, findUnusablePorts } from '../../domain/stack/ports.ts';
import { databaseOf } from '../../domain/stack/stack.ts';
import { mountOf } from '../../tools/docker/containers.ts';
import { type Definition, definitionOf, portsOf, withMountsAt } from '../../tools/docker/definition.ts';
import { treeOf } from '../../tools/git/tree.ts';
import { type Database, queryOne } from '../../tools/postgres/psql.ts';
import type { Choice, ImageWay } from './facts.ts';

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
  const kept = await keptOf(ops, choice, facts);
  const hold = await surveyHold(ops, facts.containers.app, asked.hold, asked.tries);
  await refuseWhatIsInTheWay(ops, facts, kept);
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

/**
 * What that release's container was made of; userdata goes on being where it is by now: elsewhere nobody would see what users have there, and
 * on the next way forward it would be overwritten.
 */
async function keptOf(ops: Ops, { release }: Choice, { containers: { app } }: Facts): Promise<Definition | undefined> {
  const kept = keptDefinition(ops.paths, release.run);
  return kept && app ? withMountsAt(ops.target.app.userdata, kept, await definitionOf(ops, app.id)) : kept;
}

/** What the container's mounts hide of the release that comes back; nothing is known of a commit that is not here any more. */
async function hiddenOf(ops: Ops, { stack }: Facts, commit: string, kept: Definition | undefined): Promise<Hidden[]> {
  if ((await describeCommit(ops, commit)) === undefined) return [];
  const mounts = kept ? kept.Mounts.map(mountOf) : stack.services.app.mounts;
  return hiddenBy(ops.target, mounts, (await treeOf(ops, commit)).keys());
}

/**
 * Of any new container; where it is known how the former one was made, that counts, and the compose file's own wishes are none of its business.
 * A database that can't be read stays as it is: the bad release may be what locks it, and the former one is tried on it before anything stops.
 */
async function refuseWhatIsInTheWay(ops: Ops, facts: Facts, kept: Definition | undefined): Promise<void> {
  const wishes = composeRefusals(ops.target, facts, []);
  const inTheWay = kept ? await keptRefusals(ops, facts, kept) : wishes;
  throwIfAny([...inTheWay, ...otherRefusals(ops.target, facts, 'keep')]);
  // What would mend the compose file is no advice where that is not asked.
  for (const { text } of kept ? wishes : []) ops.screen.show({ event: 'warning', text });
  for (const { text, fix } of unreadable(facts, 'keep')) ops.screen.show({ event: 'warning', text, fix });
}

/** What that container had and can't be had any more. It did have its mounts: none of them is meant to be an empty directory. */
async function keptRefusals(ops: Ops, facts: Facts, kept: Definition): Promise<Reason[]> {
  const { stack, containers } = facts;
  const app = { ...stack.services.app, mounts: kept.Mounts.map(mountOf), ports: portsOf(kept) };
  const then = { ...stack, services: { ...stack.services, app } };
  const all = Object.values(await findAllContainers(ops, stack)).flat();
  const [binds, ports] = await Promise.all([findBrokenBinds(ops, then, containers), findUnusablePorts(ops, then, all)]);
  return [
    ...userdataHomes(ops, then, containers).flatMap((home) => moved(ops.target, facts, home)),
    ...ports.filter(({ port }) => app.ports.includes(port)).map(explain),
    ...binds.filter(({ service }) => service === app.key).map((bind) => ({ ...explainBind(bind), fix: PUT_BACK })),
  ];
}

const PUT_BACK = {
  en: 'That release’s container had it: put it back (git log knows it, if it was in the repository), or go back to a later release.',
  zh: '该版本的容器使用过它: 请将其恢复 (若在仓库中, 可用 git log 找到), 或回退到更新的版本.',
};

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
