import { type Reason, throwIfAny } from '../../core/refusal.ts';
import { asTyped, type RunOps } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { type Containers, findAllContainers, inUse, inUseOf } from './containers.ts';
import type { ServiceRole, Stack } from './stack.ts';

/** Of each service; a role that is left out was not looked at. */
type All = Readonly<Partial<Record<ServiceRole, readonly Container[]>>>;

/**
 * The containers that production is, for whoever is going to change any of them.
 *
 * @throws {OpsError} `precondition` as {@link refuseReplicas}
 */
export async function findSoleContainers(ops: RunOps, stack: Stack): Promise<Containers> {
  const all = await findAllContainers(ops, stack);
  refuseReplicas(stack, all);
  return inUseOf(all);
}

/**
 * One container of a service is replaced, proved and brought back. Others that serve beside it would be removed for it, or stay as they are,
 * and nobody could call the release proved. Those that do not run are what killed runs left. It is tried and asked at an address of its own,
 * beside the one that serves.
 *
 * @throws {OpsError} `precondition` when a service has, or is to have, several that serve, or is to be in a network of others.
 */
export function refuseReplicas(stack: Stack, all: All): void {
  const roles = Object.keys(all) as ServiceRole[];
  throwIfAny(
    roles.flatMap((role) => {
      const { key, replicas, networkMode } = stack.services[role];
      const found = several(key, all[role] ?? []);
      return [
        ...(replicas > 1 ? [wanted(key, replicas)] : []),
        ...(OWN.test(networkMode) ? [] : [inNetworkOf(key, networkMode)]),
        ...(found ? [found] : []),
      ];
    }),
  );
}

const UP: readonly Container['state'][] = ['running', 'restarting', 'paused'];

const wanted = (key: string, replicas: number): Reason => ({
  text: {
    en: `The compose configuration asks for ${replicas} containers of ${key}; these scripts deploy and prove one.`,
    zh: `compose 配置要求 ${key} 运行 ${replicas} 个容器, 而脚本只部署并验证一个.`,
  },
  fix: {
    en: `Have it ask for one (deploy.replicas, scale of ${key}).`,
    zh: `请改为一个 (${key} 的 deploy.replicas 或 scale).`,
  },
});

/** A container has an address of its own then. */
const OWN = /^(bridge)?$/;

const inNetworkOf = (key: string, mode: string): Reason => ({
  text: {
    en: `The compose configuration has ${key} in a network that is not its own (network_mode: ${printable(mode)}): a new container could not be tried beside the one that serves.`,
    zh: `compose 配置中 ${key} 使用的不是自己的网络 (network_mode: ${printable(mode)}), 新容器无法在运行中的容器旁试运行.`,
  },
  fix: {
    en: `Take network_mode out of ${key}, and publish what it listens on (ports).`,
    zh: `请去掉 ${key} 的 network_mode, 并用 ports 发布端口.`,
  },
});

/** Of a service of which several containers serve. */
export function several(key: string, all: readonly Container[]): Reason | undefined {
  const up = all.filter((c) => UP.includes(c.state));
  if (up.length < 2) return undefined;
  const names = up.map((c) => printable(c.name)).join(', ');
  const others = up.filter(({ id }) => id !== inUse(all)?.id).map((c) => c.name);
  // Not by compose: that may take all containers off a network which is declared in another way than it is.
  const command = ['stop', 'rm'].map((verb) => asTyped(['docker', verb, ...others])).join(' && ');
  return {
    text: {
      en: `${key} runs in ${up.length} containers (${names}). One is replaced and proved; the others would be removed for it, or go on with what they have.`,
      zh: `${key} 有 ${up.length} 个容器在运行 (${names}). 脚本只替换并验证其中一个, 其余的会被删除或保持旧状态.`,
    },
    fix: { en: `Bring it down to one: ${command}`, zh: `请先缩减为一个: ${command}` },
  };
}

/** What took the place of the one in use dies again and again: whoever starts the former by hand has two with the same data. */
export function unsettled(all: readonly Container[]): Reason | undefined {
  const former = inUse(all);
  const other = all.find((c) => c.id !== former?.id && c.state === 'restarting');
  if (former === undefined || other === undefined) return undefined;
  const [was, is] = [former, other].map(({ name }) => printable(name));
  return {
    text: {
      en: `${is}, which a killed run had put in the place of ${was}, dies again and again.`,
      zh: `${is} (由被强制终止的运行换上, 替代 ${was}) 反复崩溃重启.`,
    },
    fix: {
      en: `Don’t start ${was} beside it: both would have the same data. Finish that run, which keeps them apart: npx tsx scripts/runs.ts resume   Why it dies: docker logs --tail 50 ${is}`,
      zh: `请勿同时启动 ${was}, 两者使用同一份数据. 请完成该运行, 它会确保两者不同时运行: npx tsx scripts/runs.ts resume   崩溃原因: docker logs --tail 50 ${is}`,
    },
  };
}
