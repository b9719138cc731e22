import { isDeepStrictEqual } from 'node:util';
import type { Ops } from '../../core/ops.ts';
import { failed, notProved } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import type { Recovery, Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { askHealth } from '../../domain/app/ask-health.ts';
import { containerHealth } from '../../domain/app/container-health.ts';
import { describeHealth, endpointsOf, type Health, healthCheck } from '../../domain/app/health.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { registerVariables } from '../../domain/env/secrets.ts';
import { stampFault } from '../../domain/env/stamp.ts';
import { imageId } from '../../domain/images/build.ts';
import { keepPreviousImage } from '../../domain/images/previous.ts';
import { PROVES } from '../../domain/ledger/proofs.ts';
import type { Cutover } from '../../domain/replacement/cutover.ts';
import { proveServed } from '../../domain/replacement/served.ts';
import { createStep, startAppStep, stopStep } from '../../domain/replacement/steps.ts';
import { removeOneOff, tryImage } from '../../domain/replacement/try-start.ts';
import { advice, proveAsBefore } from '../../domain/replacement/undo.ts';
import { databaseOf } from '../../domain/stack/stack.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { type Definition, definitionOf, variablesOf, variablesOfImage } from '../../tools/docker/definition.ts';
import { tag } from '../../tools/docker/docker.ts';
import { discardStale } from '../../tools/docker/helpers.ts';
import { identify, requireSameData } from '../../tools/postgres/identity.ts';
import type { EnvWay } from './facts.ts';
import { namesText } from './refusals.ts';

/** One run: its steps in their order, and what speaks for it when one of them fails. Nothing happens yet. */
export function begin(way: EnvWay) {
  const steps = {
    keep: keepStep(way),
    try: tryStep(way),
    create: createAndCompare(way),
    stop: stopStep(way),
    startApp: startAppStep(way, {
      en: 'Start it with the new .env and wait until it is healthy',
      zh: '以新的 .env 启动并等待健康检查通过',
    }),
    prove: proveStep(way),
  };
  const recovery: Recovery = {
    prove: (o) => proveAsBefore(o, way),
    advice: () => advice(way),
    proves: PROVES['apply-env'],
  };
  return { steps, recovery };
}

function keepStep(way: EnvWay): Step<KeptCode> {
  const { image } = way.facts.stack.services.app;
  const name = way.facts.containers.app?.name ?? '<container>';
  let named: string | undefined;
  return {
    id: 'keep',
    title: { en: 'Make sure that an image has exactly the code that runs', zh: '确保镜像与正在运行的代码完全一致' },
    risk: 'none',
    commands: [
      {
        en: `docker commit <image and code of ${name}> <…>  # only if it was hot-updated`,
        zh: `docker commit <${name} 的镜像和代码> <…>  # 仅当做过热更新`,
      },
      `docker tag <…> ${image}`,
    ],
    wayBack: { en: `${image} is pointed back`, zh: `${image} 重新指向原镜像` },
    async run(ops) {
      const kept = await keepCode(ops, way);
      named = kept.named;
      return kept;
    },
    undo: (ops) => giveNameBack(ops, way, named),
  };
}

function tryStep({ facts }: EnvWay): Step<Text> {
  const { key } = facts.stack.services.app;
  return {
    id: 'try',
    title: {
      en: 'Try it with the new .env: create the application, ask its health, start everything except what would serve',
      zh: '用新的 .env 试运行: 创建应用、检查健康, 并试运行启动过程 (不提供服务)',
    },
    risk: 'none',
    commands: [`docker compose run ${key} <one-off>`, `docker compose run ${key} <trial>`],
    seconds: 10,
    async run(ops) {
      const { oneOff } = await tryImage(ops, facts, undefined);
      const health = await askHealth(ops, oneOff);
      if (!health.healthy) throw failed(describeHealth(health));
      return describeHealth(health);
    },
    evidence: (said) => said,
    undo: (ops) => removeOneOff(ops, facts),
  };
}

/** What the new container differs in is known before anything stops. */
function createAndCompare(way: EnvWay): Step<readonly string[]> {
  const create = createStep(way, { roles: ['app'] });
  return {
    ...create,
    async run(ops) {
      await create.run(ops);
      const [former, next] = [way.formers?.app?.definition, way.replaced?.app?.next];
      return former && next ? differences(former, await definitionOf(ops, next)) : [];
    },
    evidence: (parts) =>
      parts.length === 0
        ? { en: 'nothing of it differs but the file .env', zh: '除 .env 文件外无差异' }
        : { en: `differs in ${namesText(parts)}`, zh: `差异: ${namesText(parts)}` },
  };
}

/** What of a container is another than before: variables by name, the rest by the engine's words for its parts. */
export function differences(former: Definition, next: Definition): string[] {
  const [was, is] = [variablesOf(former), variablesOf(next)];
  const variables = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => was[name] !== is[name]);
  const configs = partsThatDiffer(former.Config, next.Config).filter((part) => !TOLD_APART.includes(part));
  return [...variables, ...configs, ...partsThatDiffer(former.HostConfig, next.HostConfig)];
}

/** The image is kept and the variables are named; the others are the engine's and compose's own words about a container. */
const TOLD_APART = ['Env', 'Image', 'Hostname', 'Labels'];

type Parts = Readonly<Record<string, unknown>>;
const partsThatDiffer = (was: Parts, is: Parts): string[] =>
  Object.keys({ ...was, ...is }).filter((part) => !isDeepStrictEqual(was[part], is[part]));

/** The image that will run, and what the service's image name meant before. */
interface KeptCode {
  readonly imageId: string;
  readonly named: string | undefined;
}

/**
 * Makes sure that the service's image name means exactly the code that runs: a container that was hot-updated is not its image, and a new
 * container of that image would bring the old code back.
 */
async function keepCode(ops: Ops, cutover: Cutover): Promise<KeptCode> {
  const { image } = cutover.facts.stack.services.app;
  await discardStale(ops);
  const named = await imageId(ops, image);
  cutover.previous = await keepPreviousImage(ops, cutover.facts);
  if (cutover.previous === undefined) throw new Error('the application’s container has no image');
  await run(ops, tag(cutover.previous.id, image));
  return { imageId: cutover.previous.id, named };
}

/** The name means again what it meant. */
async function giveNameBack(ops: Ops, { facts }: Cutover, named: string | undefined): Promise<void> {
  if (named !== undefined) await run(ops, tag(named, facts.stack.services.app.image));
}

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
