import { unlessInterrupted } from '../../core/errors.ts';
import type { Reason } from '../../core/refusal.ts';
import type { RunOps } from '../../core/run.ts';
import type { Row } from '../../core/screen.ts';
import type { Target } from '../../core/target.ts';
import { joined, printable, type Text } from '../../core/text.ts';
import { composeTyped } from '../../tools/docker/compose.ts';
import { RUN_LABEL } from '../../tools/docker/helpers.ts';
import { composeLabel, listContainers } from '../../tools/docker/lookup.ts';
import { findChangedNetworks } from './networks.ts';
import type { ChangedNetwork, LeftAlone, Stack } from './stack.ts';

const COLUMNS = [...['service', 'oneoff'].map(composeLabel), `{{.Label "${RUN_LABEL}"}}`, '{{.State}}', '{{.Names}}'];
type Line = [service: string, oneOff: string, run: string, state: string, name: string];

const UP = ['running', 'restarting', 'paused'];

/** Asks the engine for what of the project is neither one of the three services nor a helper of a run. */
export async function withLeftAlone(ops: RunOps & { readonly target: Target }, stack: Stack): Promise<Stack> {
  const filters = [`label=com.docker.compose.project=${stack.project}`];
  const all = (await listContainers(ops, filters, ...COLUMNS)) as Line[];
  const own = all.filter(([, , run]) => run === '');
  const leftAlone = leftAloneOf(stack, own);
  const isAdvised = leftAlone.some(({ code }) => code === 'image' || code === 'repository');
  // What compose can't resolve as yet (without .env) nobody can type either.
  const changedNetworks = isAdvised ? await findChangedNetworks(ops).catch(unlessInterrupted(() => [])) : [];
  return { ...stack, leftAlone, changedNetworks };
}

function leftAloneOf({ services, others }: Stack, containers: readonly Line[]): LeftAlone[] {
  const own = Object.values(services).map((s) => s.key);
  const found = new Map<string, LeftAlone>();
  for (const [service, oneOff, , state, container] of containers) {
    const isOneOff = oneOff === 'True';
    if (own.includes(service) && !isOneOff) continue;
    const code = isOneOff ? undefined : others.find((o) => o.key === service)?.code;
    const name = isOneOff ? container : service;
    const runs = UP.includes(state) || found.get(name)?.runs === true;
    found.set(name, { name, code: code ?? 'unknown', runs });
  }
  // One that is stopped starts with the code that it has.
  return [...found.values()].filter(({ code, runs }) => runs || code === 'image' || code === 'repository');
}

/** Of a plan's table: everything that runs beside what is released, whatever is in it. */
export const leftAloneRows = ({ leftAlone = [] }: Stack): Row[] =>
  leftAlone.length === 0
    ? []
    : [
        [
          { en: 'left alone', zh: '不涉及' },
          { en: listOf(leftAlone, 'stopped'), zh: listOf(leftAlone, '已停止') },
        ],
      ];

const listOf = (all: readonly LeftAlone[], stopped: string): string =>
  all.map(({ name, runs }) => (runs ? printable(name) : `${printable(name)} (${stopped})`)).join(', ');

/**
 * How a run brings the application to what it is afterwards: `built`, the image's name and the deploy directory are the release; `files`, the
 * directory alone; `image`, the image's name alone; `env`, the same code with other variables.
 */
export type Brought = 'built' | 'files' | 'image' | 'env';

/** What is said of those that may run code of the application: a release does not reach them, and they must not pass for released. */
export function leftAloneWarnings(
  target: Target,
  { leftAlone = [], changedNetworks = [] }: Stack,
  brought: Brought,
): { readonly text: Text; readonly fix?: Text }[] {
  const of = (code: LeftAlone['code']) => leftAlone.filter((l) => l.code === code);
  const safely = (fix: Text) => joined([...changedNetworks.map(correctFirst), fix], ' ');
  return [
    ...warningOf(of('image'), brought, SAME_IMAGE, (keys) => safely(imageFix(target, keys, brought))),
    ...warningOf(of('repository'), brought, OWN_IMAGE, (keys) => safely(buildFix(target, keys, brought))),
    ...of('unknown').map(({ name }) => ({ text: unknown(name) })),
  ];
}

const SAME_IMAGE: Text = { en: 'Made from the same image', zh: '使用同一镜像' };
const OWN_IMAGE: Text = {
  en: 'Built from the same repository, as an image of its own',
  zh: '由同一仓库构建为独立镜像',
};

function warningOf(
  left: readonly LeftAlone[],
  brought: Brought,
  made: Text,
  fixOf: (keys: readonly string[]) => Text,
): Reason[] {
  if (left.length === 0) return [];
  const keeps: Text =
    brought === 'env'
      ? { en: 'It keeps the variables that it was made with.', zh: '其变量仍为创建时的值.' }
      : { en: 'It goes on running the former code.', zh: '其中运行的仍是旧代码.' };
  return [
    {
      text: {
        en: `${made.en} and left alone: ${listOf(left, 'stopped')}. ${keeps.en}`,
        zh: `${made.zh}, 不在本次处理范围内: ${listOf(left, '已停止')}. ${keeps.zh}`,
      },
      fix: fixOf(left.map((l) => l.name)),
    },
  ];
}

function imageFix(target: Target, keys: readonly string[], brought: Brought): Text {
  const command = composeTyped(target, 'up', '-d', '--no-deps', ...keys);
  return brought === 'files'
    ? {
        en: `To bring it there: build the image (update-prod-flask.ts --bake, or a full rebuild), then: ${command}`,
        zh: `更新方法: 先构建镜像 (update-prod-flask.ts --bake 或全量重建), 再执行: ${command}`,
      }
    : bring(command);
}

function buildFix(target: Target, keys: readonly string[], brought: Brought): Text {
  if (brought === 'env') return bring(composeTyped(target, 'up', '-d', '--no-deps', ...keys));
  const command = composeTyped(target, 'up', '-d', '--no-deps', '--build', ...keys);
  return brought === 'image'
    ? {
        en: `To bring it there: check out that release in the deploy directory, which has another commit, then: ${command}`,
        zh: `更新方法: 部署目录停留在另一个提交, 请先检出该版本, 再执行: ${command}`,
      }
    : bring(command);
}

/** From compose 2.37 on, also of a single service and without those that it depends on. */
const correctFirst = ({ name }: ChangedNetwork): Text => ({
  en: `As long as the compose file declares network ${printable(name)} in another way than it is, docker compose up may take every container off it: correct that first.`,
  zh: `compose 文件中网络 ${printable(name)} 的定义与现状不一致时, docker compose up 可能会断开其中所有容器: 请先改回一致.`,
});

const bring = (command: string): Text => ({ en: `To bring it there: ${command}`, zh: `更新方法: ${command}` });

const unknown = (name: string): Text => ({
  en: `${printable(name)} runs, and the compose configuration as it is resolved here does not have it (a profile that is not active, a service that was taken out, docker compose run): left alone, whatever code it has.`,
  zh: `${printable(name)} 正在运行, 但当前解析的 compose 配置中没有它 (profile 未启用, 服务已移除, 或由 docker compose run 启动): 不在处理范围内, 其中的代码无法得知.`,
});
