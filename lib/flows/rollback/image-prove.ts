import type { Ops } from '../../core/ops.ts';
import { notProved } from '../../core/refusal.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { containerHealth } from '../../domain/app/container-health.ts';
import { describeHealth, endpointsOf, type Health, healthCheck } from '../../domain/app/health.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { askStamp } from '../../domain/env/stamp.ts';
import { proveServed } from '../../domain/replacement/served.ts';
import { requireDataOfSurvey } from '../../domain/replacement/stack-facts.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { identify } from '../../tools/postgres/identity.ts';
import type { ImageWay } from './image-facts.ts';
import { revisionOf } from './image-survey.ts';

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
