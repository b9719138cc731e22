import type { Ops } from '../../core/ops.ts';
import { notProved } from '../../core/refusal.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { containerHealth } from '../../domain/app/container-health.ts';
import { describeHealth, endpointsOf, type Health, healthCheck } from '../../domain/app/health.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { registerVariables } from '../../domain/env/secrets.ts';
import { stampFault } from '../../domain/env/stamp.ts';
import { proveServed } from '../../domain/replacement/served.ts';
import { databaseOf } from '../../domain/stack/database.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { definitionOf, variablesOf, variablesOfImage } from '../../tools/docker/definition.ts';
import { identify, requireSameData } from '../../tools/postgres/identity.ts';
import type { EnvWay } from './facts.ts';
import { namesText } from './refusals.ts';

export interface Proven {
  readonly health: Health;
  readonly text: Text;
  /** What is not well, not released or not known all the same. */
  readonly besides: readonly Text[];
}

export function proveStep(way: EnvWay): Step<Proven, [Container, string]> {
  const { health } = way.target;
  return {
    id: 'prove',
    title: { en: 'Prove it', zh: '逐项验证' },
    risk: 'none',
    commands: [
      {
        en: `GET ${health.basic}, ${health.deep[0]}, /, every program's route; supervisorctl status; variables, commit, image, data`,
        zh: `GET ${health.basic}, ${health.deep[0]}, /, 各程序的路由; supervisorctl status; 变量, 提交, 镜像, 数据`,
      },
    ],
    run: (ops, app, imageId) => prove(ops, way, app, imageId),
    evidence: ({ text }) => text,
  };
}

/**
 * Everything is asked of what runs: health, routes, that it is the same code on the same data, and that it has the variables.
 *
 * @throws {OpsError} the first thing that is not as it should be.
 */
async function prove(ops: Ops, { facts: deployed, change }: EnvWay, app: Container, imageId: string): Promise<Proven> {
  const { now, evidence } = await containerHealth(ops, app);
  const { postgres } = deployed.containers;
  const database = postgres && databaseOf(deployed.stack, postgres, deployed.volumes);
  const [health, marker, identity, definition] = await Promise.all([
    healthCheck(ops, endpointsOf(ops.target, now)),
    readMarker(ops, now.id),
    database && identify(ops, database),
    definitionOf(ops, now.id),
  ]);
  if (!health.healthy) throw notProved(describeHealth(health));
  if (now.imageId !== imageId) throw notProved({ en: 'another image runs', zh: '运行的不是原来的镜像' });
  const { commit } = deployed.checkout;
  if (marker?.commit !== commit)
    throw notProved({ en: `the container says commit ${marker?.commit}`, zh: `容器中的提交为 ${marker?.commit}` });
  if (identity && deployed.database.kind === 'running')
    requireSameData(deployed.database.identity, identity, { untouched: false });
  const has = variablesOf(definition);
  registerVariables(ops.secrets, has);
  const { environment, fromFiles } = deployed.stack.services.app;
  const byImage = await variablesOfImage(ops, imageId);
  const wants = (name: string) => environment[name] ?? byImage?.[name];
  const compared = (change?.names ?? []).filter((name) => !fromFiles.includes(name));
  const lacks = compared.filter((name) => has[name] !== wants(name));
  const stale = stampFault(ops.target, commit, has);
  if (stale) throw notProved(stale);
  if (lacks.length > 0) throw lacking(lacks);
  const besides = await proveServed(ops, deployed, now);
  const said = describeHealth(health);
  return { health, besides, text: { en: `${evidence.en}; ${said.en}`, zh: `${evidence.zh}; ${said.zh}` } };
}

const lacking = (names: readonly string[]) =>
  notProved({
    en: `the container has another value of ${namesText(names)} than .env gives`,
    zh: `容器中 ${namesText(names)} 的值与 .env 不一致`,
  });
