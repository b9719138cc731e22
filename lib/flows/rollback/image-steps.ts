import type { Ops } from '../../core/ops.ts';
import { commandFailed, notProved } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import type { Recovery, Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { containerHealth } from '../../domain/app/container-health.ts';
import { describeHealth, endpointsOf, type Health, healthCheck } from '../../domain/app/health.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { databaseSizes } from '../../domain/data/left-databases.ts';
import type { Beside } from '../../domain/data/restore.ts';
import { askStamp } from '../../domain/env/stamp.ts';
import { keepPreviousImage, restoreImage } from '../../domain/images/previous.ts';
import { repositoryOf } from '../../domain/images/running.ts';
import { PROVES, ROLLBACK_OWES } from '../../domain/ledger/proofs.ts';
import { proveServed } from '../../domain/replacement/served.ts';
import { requireDataOfSurvey } from '../../domain/replacement/stack-facts.ts';
import { createStep, startAppStep, stopStep } from '../../domain/replacement/steps.ts';
import * as replacement from '../../domain/replacement/undo.ts';
import * as restoration from '../../domain/restoration/steps.ts';
import { keptText, restoreStep, swapStep } from '../../domain/restoration/steps.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { tag } from '../../tools/docker/docker.ts';
import { discardStale } from '../../tools/docker/helpers.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { definitionFor } from './definition.ts';
import type { ImageWay } from './facts.ts';
import { databaseId, revisionOf } from './image-survey.ts';
import { tryStep } from './image-try.ts';

/**
 * The application's container is replaced by one of a kept image, with the userdata of the present one; on request the database as
 * well. Whatever can fail without harm comes before "stop"; the order of undoing is the reverse, so that never the one code
 * writes to the other's data. Nothing happens yet.
 */
export function beginByImage(way: ImageWay) {
  // A run that was killed may have brought it already.
  const data = way.data?.swapped ? undefined : way.data;
  const create = createStep(way, { roles: ['app'] });
  const swap = data && swapStep(data);
  let swapping: Beside | undefined;
  const steps = {
    keep: keepStep(way),
    restore: data && restoreStep(data),
    try: tryStep(way),
    create: {
      ...create,
      async run(o: Ops) {
        way.definition = await definitionFor(o, way);
        await create.run(o);
      },
    },
    stop: stopStep(way),
    swap: swap && {
      ...swap,
      run(o: Ops, beside: Beside) {
        swapping = beside;
        return swap.run(o, beside);
      },
    },
    startApp: startAppStep(way, {
      en: 'Start the former release and wait until it is healthy',
      zh: '启动旧版本并等待健康检查通过',
    }),
    prove: proveStep(way),
  };
  const recovery: Recovery = {
    prove: (o) => proveAsBefore(o, way),
    advice: () => [...(data ? restoration.advice(way, data, swapping) : []), ...replacement.advice(way)],
    proves: PROVES['rollback-prod'],
    owes: [...ROLLBACK_OWES, ...(data ? PROVES['restore-prod'] : [])],
    also: [
      way.choice.release.commit,
      ...(way.data?.incoming.kind === 'backup' ? [`--data=${way.data.incoming.stored.dir}`] : []),
    ],
  };
  return { steps, recovery };
}

/** Keeps what runs under a tag of its own, and gives the service's image name to the former image. Nothing notices yet. */
function keepStep(way: ImageWay): Step {
  const { facts, imageId } = way;
  const { app } = facts.stack.services;
  const repository = repositoryOf(app.image);
  return {
    id: 'keep',
    title: { en: 'Keep the image of what runs; name the former one', zh: '保留当前镜像, 并将镜像名指向要回退的版本' },
    risk: 'none',
    commands: [
      {
        en: `docker tag <image of ${app.key}> <${repository}:before-…>`,
        zh: `docker tag <${app.key} 当前镜像> <${repository}:before-…>`,
      },
      `docker tag ${imageId.slice(7, 19)} ${app.image}`,
    ],
    wayBack: { en: `${app.image} is pointed back`, zh: `${app.image} 重新指向当前镜像` },
    async run(ops) {
      await discardStale(ops);
      way.previous = await keepPreviousImage(ops, facts);
      await run(ops, tag(imageId, app.image));
    },
    undo: (ops) => restoreImage(ops, facts, way.previous),
  };
}

/**
 * Proves after undoing that code and data are those from before.
 *
 * @throws {OpsError} when they are not.
 */
async function proveAsBefore(ops: Ops, way: ImageWay): Promise<Text> {
  const code = await replacement.proveAsBefore(ops, way);
  // One that a killed run had brought is not from before that run.
  if (way.data === undefined || way.data.swapped) return code;
  const { name } = way.database;
  if ((await databaseId(ops, way.database)) !== way.oid) {
    throw commandFailed({ en: `database ${name} is not the one from before`, zh: `数据库 ${name} 不是原来的库` });
  }
  const kept = keptText(way.data, await databaseSizes(ops, way.database));
  return {
    en: `${code.en}. Database ${name} is the one from before${kept ? `. ${kept.en}` : ''}`,
    zh: `${code.zh}. 数据库 ${name} 仍是原来的库${kept ? `. ${kept.zh}` : ''}`,
  };
}

interface Proven {
  readonly health: Health;
  readonly text: Text;
  /** What is not well, not released or not known all the same. */
  readonly besides: readonly Text[];
}

export function proveStep(way: ImageWay): Step<Proven, [Container]> {
  const { health } = way.target;
  return {
    id: 'prove',
    title: { en: 'Prove it', zh: '逐项验证' },
    risk: 'none',
    commands: [
      {
        en: `GET ${health.basic}, ${health.deep[0]}, /, every program's route; supervisorctl status; commit, image, schema revision`,
        zh: `GET ${health.basic}, ${health.deep[0]}, /, 各程序的路由; supervisorctl status; 提交, 镜像, 结构版本`,
      },
    ],
    run: (ops, app) => prove(ops, way, app),
    evidence: ({ text }) => text,
  };
}

/**
 * Everything is asked of what runs: the container's own health check, both of ours, image, commit, and that the schema is what it was,
 * or what the backup says.
 *
 * @throws {OpsError} the first thing that is not as it should be.
 */
async function prove(ops: Ops, way: ImageWay, app: Container): Promise<Proven> {
  const { now, evidence } = await containerHealth(ops, app);
  const { commit } = way.choice.release;
  const [health, marker, schema, identity, stale] = await Promise.all([
    healthCheck(ops, endpointsOf(ops.target, now)),
    readMarker(ops, now.id),
    inspectSchema(ops, way.database),
    identify(ops, way.database),
    askStamp(ops, now.id, commit),
  ]);
  const { incoming } = way.data ?? {};
  requireDataOfSurvey(way.facts, identity, { untouched: false, renamed: incoming ? [way.database.name] : [] });
  const expected =
    incoming?.kind === 'backup' ? (incoming.stored.manifest.contents.alembic ?? undefined) : way.revision;
  const wrong: Text[] = [
    ...(health.healthy ? [] : [describeHealth(health)]),
    ...differs('image', '镜像', now.imageId, way.imageId),
    ...differs('commit', '提交', marker?.commit, commit),
    ...(stale ? [stale] : []),
    ...differs('revision', '结构版本', revisionOf(schema), expected),
  ];
  const [first] = wrong;
  if (first) throw notProved(first);
  const besides = await proveServed(ops, way.facts, now);
  const said = describeHealth(health);
  const revision = expected ?? '-';
  return {
    health,
    besides,
    text: {
      en: `revision ${revision}; ${evidence.en}; ${said.en}`,
      zh: `结构版本 ${revision}; ${evidence.zh}; ${said.zh}`,
    },
  };
}

const differs = (en: string, zh: string, is: string | undefined, shouldBe: string | undefined): Text[] =>
  is === shouldBe
    ? []
    : [
        {
          en: `${en} ${is ?? '-'} instead of ${shouldBe ?? '-'}`,
          zh: `${zh} 为 ${is ?? '-'}, 应为 ${shouldBe ?? '-'}`,
        },
      ];
