import { z } from 'zod';
import { type RunOps, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import { config } from '../../tools/docker/compose.ts';
import type { ComposeTarget } from '../../tools/docker/compose-files.ts';
import { getFromEngine } from '../../tools/docker/engine-api.ts';
import type { ChangedNetwork } from './stack.ts';

const map = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).nullable()).nullish();

const declared = z.object({
  name: z.string().optional(),
  external: z.unknown().optional(),
  driver: z.string().nullish(),
  driver_opts: map,
  labels: map,
  internal: z.boolean().nullish(),
  enable_ipv6: z.boolean().nullish(),
  ipam: z.object({ config: z.array(z.object({ subnet: z.string().nullish() })).nullish() }).nullish(),
});
const project = z.object({ name: z.string(), networks: z.record(z.string(), declared.nullable()).nullish() });

const present = z.array(
  z.object({
    Name: z.string(),
    Driver: z.string(),
    Options: map,
    Labels: map,
    Internal: z.boolean(),
    EnableIPv6: z.boolean(),
    IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string().optional() })).nullish() }),
  }),
);
type Present = z.infer<typeof present>[number];

/** Networks of the project that are not as the compose file has them by now; only what it says of them is compared. */
export async function findChangedNetworks(ops: RunOps & { readonly target: ComposeTarget }): Promise<ChangedNetwork[]> {
  const [{ stdout }, all] = await Promise.all([run(ops, config(ops.target)), getFromEngine(ops, '/networks', present)]);
  const { name: called, networks } = answerOf('docker compose config', project, stdout.replaceAll('$$', '$'));
  return Object.entries(networks ?? {}).flatMap(([key, wanted]) => {
    const name = wanted?.name ?? `${called}_${key}`;
    const found = all.find((n) => n.Name === name);
    if (!wanted || wanted.external || !found) return [];
    const differs = differencesOf(wanted, found);
    return differs.length > 0 ? [{ name, differs }] : [];
  });
}

function differencesOf(wanted: z.infer<typeof declared>, found: Present): string[] {
  const others = (what: string, of: z.infer<typeof map>, has: z.infer<typeof map>) =>
    Object.entries(of ?? {}).flatMap(([key, value]) =>
      String(value ?? '') === String(has?.[key] ?? '') ? [] : [`${what} ${key}`],
    );
  const subnets = (found.IPAM.Config ?? []).map(({ Subnet }) => Subnet?.toLowerCase());
  const isElsewhere = (wanted.ipam?.config ?? []).some(
    ({ subnet }) => subnet && !subnets.includes(subnet.toLowerCase()),
  );
  return [
    ...((wanted.driver ?? found.Driver) === found.Driver ? [] : ['driver']),
    ...((wanted.internal ?? false) === found.Internal ? [] : ['internal']),
    ...((wanted.enable_ipv6 ?? found.EnableIPv6) === found.EnableIPv6 ? [] : ['enable_ipv6']),
    ...(isElsewhere ? ['subnet'] : []),
    ...others('driver_opts', wanted.driver_opts, found.Options),
    ...others('labels', wanted.labels, found.Labels),
  ];
}

export function changedNetworkText({ name, differs }: ChangedNetwork): Text {
  const [network, what] = [printable(name), differs.map(printable).join(', ')];
  return {
    en: `Network ${network} is declared in another way than it is (${what}): this run leaves it as it is. A plain docker compose up -d may take every container off it, and make it anew.`,
    zh: `网络 ${network} 的现状与 compose 文件中的定义不同 (${what}): 本次运行不改动该网络. 直接执行 docker compose up -d 可能会断开其中所有容器并重建网络.`,
  };
}
