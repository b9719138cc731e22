import path from 'node:path';
import { z } from 'zod';
import type { RunOps } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { boundAt, type PublishedPort } from './containers.ts';
import { getFromEngine, postToEngine } from './engine-api.ts';
import { lookUp } from './lookup.ts';
import { isWithin } from './places.ts';

const strings = z.array(z.string());
const binding = z.looseObject({ HostIp: z.string().default(''), HostPort: z.string().default('') });

/** One network of a container, as far as somebody chose it; addresses and the like are given at each start. */
const endpoint = z.object({
  Aliases: strings.nullish(),
  Links: strings.nullish(),
  IPAMConfig: z.record(z.string(), z.unknown()).nullish(),
  DriverOpts: z.record(z.string(), z.string()).nullish(),
  MacAddress: z.string().nullish(),
  GwPriority: z.number().nullish(),
});

/** A container as the engine has it: all that is needed to make one like it. What it does not name is kept as it is. */
export const definitionSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  /** Of the image, `sha256:…`. */
  Image: z.string(),
  Config: z.looseObject({
    Hostname: z.string().optional(),
    /** The image's name, as it was asked for. */
    Image: z.string(),
    /** Secrets are among them. */
    Env: strings.nullish(),
    Labels: z.record(z.string(), z.string()).nullish(),
    /** Where the image wants a volume. */
    Volumes: z.record(z.string(), z.unknown()).nullish(),
  }),
  HostConfig: z.looseObject({
    NetworkMode: z.string(),
    Binds: strings.nullish(),
    PortBindings: z.record(z.string(), z.array(binding).nullish()).nullish(),
    RestartPolicy: z.looseObject({ Name: z.string(), MaximumRetryCount: z.int().default(0) }).nullish(),
    Mounts: z
      .array(z.looseObject({ Type: z.string().optional(), Source: z.string().optional(), Target: z.string() }))
      .nullish(),
  }),
  Mounts: z.array(
    z.looseObject({
      Type: z.string(),
      Name: z.string().optional(),
      Source: z.string().optional(),
      Destination: z.string(),
      RW: z.boolean(),
    }),
  ),
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpoint) }),
});

export type Definition = z.infer<typeof definitionSchema>;

const inspected = definitionSchema.extend({ State: z.object({ Status: z.string() }) });

/** @throws {OpsError} `command` when there is no such container. */
export async function definitionOf(ops: RunOps, id: string): Promise<Definition> {
  const { State, ...definition } = await getFromEngine(ops, `/containers/${id}/json`, inspected);
  // Of one that has been started nobody can tell whether its hardware address was chosen or given.
  return State.Status === 'created' ? definition : withoutMacs(definition);
}

export function withoutMacs(definition: Definition): Definition {
  const all = Object.entries(definition.NetworkSettings.Networks);
  const Networks = Object.fromEntries(all.map(([network, { MacAddress: _, ...more }]) => [network, more]));
  return { ...definition, NetworkSettings: { Networks } };
}

/** The variables that the container is started with. */
export const variablesOf = ({ Config: { Env } }: Definition): Record<string, string> => variablesIn(Env);

const variablesIn = (lines: readonly string[] | null | undefined): Record<string, string> =>
  Object.fromEntries((lines ?? []).map((line) => line.split(/=(.*)/s).slice(0, 2)));

/** Those that an image gives to each of its containers; undefined where it is gone. @param id `sha256:…` */
export async function variablesOfImage(ops: RunOps, id: string): Promise<Record<string, string> | undefined> {
  const { stdout, exitCode } = await lookUp(ops, 'image', '-f', '{{json .Config.Env}}', id);
  return exitCode === 1 ? undefined : variablesIn(answerOf('docker image inspect', strings.nullable(), stdout));
}

/** The same, with these variables besides, or in the place of what it has by their names. */
export function withVariables(definition: Definition, variables: Readonly<Record<string, string>>): Definition {
  const others = (definition.Config.Env ?? []).filter((line) => !Object.hasOwn(variables, line.split('=')[0] ?? ''));
  const Env = [...others, ...Object.entries(variables).map((pair) => pair.join('='))];
  return { ...definition, Config: { ...definition.Config, Env } };
}

/**
 * The restart policy as `docker update` takes it, if it is one by which the engine starts a container when the machine starts, although
 * somebody had stopped it; undefined for the others, `unless-stopped` among them.
 */
export function startsAgain({ HostConfig: { RestartPolicy } }: Definition): string | undefined {
  const { Name = '', MaximumRetryCount = 0 } = RestartPolicy ?? {};
  if (Name !== 'always' && Name !== 'on-failure') return undefined;
  return MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name;
}

/** The definition as the engine takes it. */
export function bodyOf(definition: Definition): Record<string, unknown> {
  const { Id, Config, HostConfig } = definition;
  // Unless somebody chose one, a container is called by the beginning of its id.
  const { Hostname, ...config } = Config;
  const own = Hostname !== undefined && Id.startsWith(Hostname) ? {} : { Hostname };
  // Engines before 25 take only one network at the creation.
  const EndpointsConfig = Object.fromEntries(endpointsOf(definition).slice(0, 1));
  return { ...config, ...own, HostConfig, NetworkingConfig: { EndpointsConfig } };
}

/** Makes a container of this definition, and starts nothing. @returns its id. */
export async function createFrom(ops: RunOps, definition: Definition, name: string): Promise<string> {
  const path = `/containers/create?name=${name}`;
  const { Id } = await postToEngine(ops, path, bodyOf(definition), z.object({ Id: z.string() }));
  for (const [network, EndpointConfig] of endpointsOf(definition).slice(1))
    await postToEngine(ops, `/networks/${network}/connect`, { Container: Id, EndpointConfig }, z.null());
  return Id;
}

type Endpoint = z.infer<typeof endpoint>;

/** Networks that have names, the one that the container is made in first. Host, none and another container's have nothing to choose. */
function endpointsOf({ Id, HostConfig: { NetworkMode }, NetworkSettings }: Definition): [string, Endpoint][] {
  if (/^(default|bridge|host|none|container:.*)$/.test(NetworkMode)) return [];
  return Object.entries(NetworkSettings.Networks)
    .sort(([a], [b]) => Number(b === NetworkMode) - Number(a === NetworkMode))
    .map(([network, { Aliases, MacAddress, GwPriority, ...more }]) => {
      const chosen = Aliases?.filter((alias) => !Id.startsWith(alias));
      const set = { ...(MacAddress && { MacAddress }), ...(GwPriority && { GwPriority }) };
      return [network, { ...more, ...set, ...(chosen && { Aliases: chosen }) }];
    });
}

/** Ports of this machine that it is published at; one that the engine chooses is none. */
export const portsOf = ({ HostConfig: { PortBindings } }: Definition): PublishedPort[] =>
  Object.entries(PortBindings ?? {})
    .flatMap(([port, bindings]) => boundAt(port, bindings ?? []))
    .filter(({ published }) => published > 0);

const pointOf = (bind: string): string => bind.split(':')[1] ?? '';

/** The same, with what the other has mounted at a directory and below it in the place of its own there. */
export function withMountsAt(directory: string, definition: Definition, other: Definition): Definition {
  const merged = <T>(
    own: readonly T[] | null | undefined,
    others: readonly T[] | null | undefined,
    at: (of: T) => string,
  ) => [
    ...(own ?? []).filter((mount) => !isWithin(at(mount), directory)),
    ...(others ?? []).filter((mount) => isWithin(at(mount), directory)),
  ];
  const [mine, theirs] = [definition.HostConfig, other.HostConfig];
  const Binds = merged(mine.Binds, theirs.Binds, pointOf);
  const Mounts = merged(mine.Mounts, theirs.Mounts, ({ Target }) => Target);
  return {
    ...definition,
    HostConfig: {
      ...mine,
      ...(mine.Binds || Binds.length > 0 ? { Binds } : {}),
      ...(mine.Mounts || Mounts.length > 0 ? { Mounts } : {}),
    },
    Mounts: merged(definition.Mounts, other.Mounts, ({ Destination }) => Destination),
  };
}

/** Mount points that the definition itself gives something to. */
const mountPoints = ({ HostConfig: { Binds, Mounts } }: Definition): ReadonlySet<string> =>
  new Set([...(Binds ?? []).map(pointOf), ...(Mounts ?? []).map((m) => m.Target)]);

/** As compose does it: a volume without a name, which the image or the compose file wants, goes on being the former container's. */
export function withVolumesOf(definition: Definition, former: Definition): Definition {
  const given = mountPoints(definition);
  const wanted = definition.Config.Volumes ?? {};
  const volumes = former.Mounts.filter(({ Type }) => Type === 'volume');
  const inherited = volumes
    .filter(({ Destination }) => Destination in wanted && !given.has(Destination))
    // Those of containers are compared: the engine has mounts in no order, and leaves out what is false.
    .sort((a, b) => (a.Destination < b.Destination ? -1 : 1))
    .map(({ Name, Destination, RW }) => ({
      ...{ Type: 'volume', Source: Name, Target: Destination },
      ...(!RW && { ReadOnly: true }),
    }));
  const own = (definition.HostConfig.Mounts ?? []).map((mount) => {
    const Source = volumes.find(({ Destination }) => Destination === path.posix.resolve('/', mount.Target))?.Name;
    return mount.Type === 'volume' && !mount.Source && Source ? { ...mount, Source } : mount;
  });
  const Mounts = [...own, ...inherited];
  if (Mounts.length === 0) return definition;
  return { ...definition, HostConfig: { ...definition.HostConfig, Mounts } };
}
