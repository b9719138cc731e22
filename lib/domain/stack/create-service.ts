import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import type { Reason } from '../../core/refusal.ts';
import { ask, read, run } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import { config, createTemplate, hashOf } from '../../tools/docker/compose.ts';
import { composeFiles, madeUpName } from '../../tools/docker/compose-files.ts';
import { type Definition, definitionOf, withVolumesOf } from '../../tools/docker/definition.ts';
import { discardContainer, labelsOf } from '../../tools/docker/helpers.ts';
import type { Service, Stack } from './stack.ts';

/** Labels by which compose knows a container, and sees whether it still is what the compose file says. */
const SERVICE = 'com.docker.compose.service';
const HASH = 'com.docker.compose.config-hash';
const CONFIG_FILES = 'com.docker.compose.project.config_files';

const service = z.looseObject({
  container_name: z.string().optional(),
  labels: z.unknown().optional(),
  networks: z.record(z.string(), z.looseObject({}).nullable()).nullish(),
});
const named = z.record(z.string(), z.looseObject({ name: z.string().optional() }).nullable()).nullish();
const resolved = z.looseObject({ services: z.record(z.string(), service), networks: named, volumes: named });

/** What the compose file makes of a service. */
export interface Planned {
  /** How its container will be called. */
  readonly name: string;
  readonly definition: Definition;
}

/**
 * What compose would make of a service now, without touching the container that it has: it is asked to make one of a service of another
 * name, which is looked at and removed. A network or volume that is missing comes with it. The definition carries the labels of the real
 * service, with the hash that a plain `docker compose up -d` compares, so that this leaves a container of it alone.
 *
 * @param former the container that will be replaced: a volume that only the image asks for goes on being used.
 */
export async function planService(
  ops: Ops,
  stack: Stack,
  { key, image }: Service,
  former?: Definition,
): Promise<Planned> {
  const { stdout, project } = await keptProject(ops, stack);
  const { services, ...rest } = project;
  const own = services[key];
  if (own === undefined) throw new Error(`the compose file has no service ${key}`);
  const hash = (await ask(ops, hashOf(ops.target, key, stdout))).split(' ').at(-1) ?? '';
  const called = (service: string) => madeUpName(ops.target.dir, stack.project, service, '1');
  const { container_name: name = called(key), build: _, depends_on: __, links: ___, ...definition } = own;
  const marks = labelsOf(ops);
  const templateKey = `${key}-template`;
  const template = {
    ...rest,
    services: { [templateKey]: { image, ...definition, labels: { ...(own.labels as object | undefined), ...marks } } },
  };
  const templateName = called(templateKey);
  try {
    await run(ops, createTemplate(ops.target, stack.project, templateKey, JSON.stringify(template)));
    const made = await definitionOf(ops, templateName);
    const labels = Object.entries(made.Config.Labels ?? {}).filter(([label]) => !(label in marks));
    const real = { [SERVICE]: key, [HASH]: hash, [CONFIG_FILES]: composeFiles(ops.target).join(',') };
    const aliases = new Map([
      [templateName, name],
      [templateKey, key],
    ]);
    const renamed = {
      ...made,
      Name: `/${name}`,
      Config: { ...made.Config, Labels: { ...Object.fromEntries(labels), ...real } },
      NetworkSettings: { Networks: withAliases(made.NetworkSettings.Networks, aliases) },
    };
    return { name, definition: former ? withVolumesOf(renamed, former) : renamed };
  } finally {
    await discardContainer(ops, templateName);
  }
}

/** The project for `compose run` beside what serves: without the addresses that only one container can have. */
export async function besideText(ops: Ops, stack: Stack, { key }: Service): Promise<string> {
  const { services, ...rest } = (await keptProject(ops, stack)).project;
  const { mac_address: _, networks, ...own } = services[key] ?? {};
  const free = Object.entries(networks ?? {}).map(([network, endpoint]) => {
    const { ipv4_address: __, ipv6_address: ___, mac_address: ____, ...more } = endpoint ?? {};
    return [network, more];
  });
  return JSON.stringify({ ...rest, services: { ...services, [key]: { ...own, networks: Object.fromEntries(free) } } });
}

/** What {@link planService} can't give a container, of the services whose containers will be made. */
export const notPlannable = (services: readonly Service[]): Reason[] =>
  services
    .filter(({ composeOnly }) => composeOnly.length > 0)
    .map(({ key, composeOnly }) => {
      const list = composeOnly.map(printable).join(', ');
      return {
        text: {
          en: `${key} has what only docker compose itself gives a container (${list}): the new one is made beside the one that serves, and would be without it.`,
          zh: `${key} 使用了只有 docker compose 自身才能为容器提供的内容 (${list}): 新容器在运行中的容器旁创建, 会缺少这些内容.`,
        },
        fix: {
          en: 'Give secrets and configs as files (file:), let the image’s own start do what post_start and pre_stop do, and reach other services by their names alone.',
          zh: 'secrets 与 configs 请改用文件 (file:); post_start, pre_stop 的操作请放入镜像自身的启动过程; 其他服务请直接按服务名访问.',
        },
      };
    });

/** The project as compose resolves it, and its very words; networks and volumes that are there are used as they are. */
async function keptProject(ops: Ops, stack: Stack) {
  const { stdout } = await run(ops, config(ops.target));
  const { networks, volumes, ...rest } = answerOf('docker compose config', resolved, stdout);
  const [haveNetworks, haveVolumes] = await Promise.all([namesOf(ops, 'network'), namesOf(ops, 'volume')]);
  const kept = {
    networks: keepingThose(networks, stack, haveNetworks),
    volumes: keepingThose(volumes, stack, haveVolumes),
  };
  return { stdout, project: { ...rest, ...kept } };
}

async function namesOf(ops: Ops, what: 'network' | 'volume'): Promise<ReadonlySet<string>> {
  const names = await ask(ops, read(['docker', what, 'ls', '--format', '{{.Name}}']));
  return new Set(names.split('\n').filter(Boolean));
}

type Named = z.infer<typeof named>;

/** Those that are there are used as they are: compose must neither make, nor change, nor remove one that others use. */
function keepingThose(all: Named, { project }: Stack, there: ReadonlySet<string>): Named {
  return Object.fromEntries(
    Object.entries(all ?? {}).map(([key, one]) => {
      const name = one?.name ?? `${project}_${key}`;
      return [key, there.has(name) ? { name, external: true } : { ...one, name }];
    }),
  );
}

function withAliases(
  networks: Definition['NetworkSettings']['Networks'],
  aliases: ReadonlyMap<string, string>,
): Definition['NetworkSettings']['Networks'] {
  return Object.fromEntries(
    Object.entries(networks).map(([network, { Aliases, ...more }]) => [
      network,
      { ...more, Aliases: (Aliases ?? []).map((alias) => aliases.get(alias) ?? alias) },
    ]),
  );
}
