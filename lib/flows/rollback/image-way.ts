import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { askHealth } from '../../domain/app/ask-health.ts';
import { containerHealth } from '../../domain/app/container-health.ts';
import { describeHealth, endpointsOf, type Health, healthCheck } from '../../domain/app/health.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { requireRoutes } from '../../domain/app/routes.ts';
import { keepPreviousImage } from '../../domain/images/previous.ts';
import { haltApp, keepUserdata, startNewApp } from '../../domain/replacement/app-container.ts';
import { createNew } from '../../domain/replacement/create.ts';
import type { OutsideView } from '../../domain/replacement/downtime.ts';
import { tryImage } from '../../domain/replacement/one-off.ts';
import { inspectSchema, type Schema } from '../../domain/schema/revision.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { tag } from '../../tools/docker/docker.ts';
import { discardStale } from '../../tools/docker/helpers.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { requireDataOfSurvey } from '../rebuild/inspect-database.ts';
import { definitionFor } from './definition.ts';
import type { ImageWay } from './image-facts.ts';
import { unfit } from './unfit.ts';

/** Keeps what runs under a tag of its own, and gives the service's image name to the former image. Nothing notices yet. */
export async function pointAtImage(ops: Ops, { facts, aside, imageId }: ImageWay): Promise<void> {
  await discardStale(ops);
  aside.previous = await keepPreviousImage(ops, facts);
  await run(ops, tag(imageId, facts.stack.services.app.image));
}

/**
 * Creates the application of the former image beside what serves, on the database that it would have, and asks it for its health.
 *
 * @throws {OpsError} `precondition` when the code runs and its health on that database is not good.
 */
export async function tryOnDatabase(ops: Ops, way: ImageWay): Promise<{ head: string; health: Health }> {
  // Whether it knows the revision decides nothing: a schema that is newer may do as well, which its health tells.
  const { oneOff, head } = await tryImage(ops, way.facts, undefined);
  const database = way.restored.beside?.incoming;
  const health = await askHealth(ops, oneOff, database);
  if (health.healthy) return { head, health };
  const sick = new OpsError({ kind: 'failed', what: describeHealth(health) });
  throw database === undefined ? unfit(way.choice, sick) : sick;
}

export function tryEvidence({ revision, data }: ImageWay, { head, health }: { head: string; health: Health }): Text {
  const said = describeHealth(health);
  const is = data?.incoming.kind === 'backup' ? data.incoming.stored.manifest.contents.alembic : revision;
  if (is === head) return { en: `schema ${head}; ${said.en}`, zh: `结构版本 ${head}; ${said.zh}` };
  return {
    en: `the schema is at ${is ?? '-'}, this code was made for ${head}; it is healthy there all the same: ${said.en}`,
    zh: `数据库结构版本为 ${is ?? '-'}, 该代码对应 ${head}, 但在其上健康检查通过: ${said.zh}`,
  };
}

/** The application's new container, beside the one that serves. */
export async function createOld(ops: Ops, way: ImageWay): Promise<void> {
  way.aside.definition = await definitionFor(ops, way);
  await createNew(ops, way.facts, way.aside, { roles: ['app'] });
}

/** From here on production is down. */
export async function stopOld(ops: Ops, { facts, aside }: ImageWay, outside: OutsideView): Promise<void> {
  const { app } = facts.containers;
  if (app === undefined) return;
  await haltApp(ops, app, aside, outside);
  await keepUserdata(ops, facts, aside);
}

/** @returns the container that serves now. */
export const startOld = (ops: Ops, { facts, aside }: ImageWay) => startNewApp(ops, facts, aside);

/**
 * Everything is asked of what runs: the container's own health check, both of ours, image, commit, and that the schema is what it was,
 * or what the backup says.
 *
 * @throws {OpsError} the first thing that is not as it should be.
 */
export async function proveImage(ops: Ops, way: ImageWay, app: Container): Promise<{ health: Health; text: Text }> {
  const { now, evidence } = await containerHealth(ops, app);
  const [health, marker, schema, identity] = await Promise.all([
    healthCheck(ops, endpointsOf(ops.target, now)),
    readMarker(ops, now.id),
    inspectSchema(ops, way.database),
    identify(ops, way.database),
  ]);
  const { incoming } = way.data ?? {};
  requireDataOfSurvey(way.facts, identity, { untouched: false, renamed: incoming ? [way.database.name] : [] });
  const expected =
    incoming?.kind === 'backup' ? (incoming.stored.manifest.contents.alembic ?? undefined) : way.revision;
  const wrong: Text[] = [
    ...(health.healthy ? [] : [describeHealth(health)]),
    ...differs('image', '镜像', now.imageId, way.imageId),
    ...differs('commit', '提交', marker?.commit, way.choice.release.commit),
    ...differs('revision', '结构版本', revisionOf(schema), expected),
  ];
  const [first] = wrong;
  if (first) {
    throw new OpsError({
      kind: 'failed',
      what: { en: `Not proved: ${first.en}`, zh: `未能证明回退成功: ${first.zh}` },
    });
  }
  await requireRoutes(ops, now, way.facts.app?.unserved ?? []);
  const said = describeHealth(health);
  const revision = expected ?? '-';
  return {
    health,
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

export const revisionOf = (schema: Schema): string | undefined =>
  schema.kind === 'versioned' ? schema.revision : undefined;
