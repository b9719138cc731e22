import path from 'node:path';
import { z } from 'zod';
import { answerOf } from '../host/answer.ts';
import { read } from '../host/command.ts';
import { inspect } from '../host/docker.ts';
import { ask, type RunOps, run } from '../host/run.ts';
import type { Container, KnownVolume, NamedVolume, ServiceRole, Stack } from './stack.ts';

/** The stack's containers, running or not. */
export type Containers = Readonly<Partial<Record<ServiceRole, Container>>>;

const inspected = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    Image: z.string(),
    RestartCount: z.int(),
    State: z.object({
      Status: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']),
      Health: z.object({ Status: z.string() }).optional(),
    }),
    Config: z.object({ Labels: z.record(z.string(), z.string()).nullable() }),
    NetworkSettings: z.object({
      Ports: z
        .record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable())
        .nullable(),
      Networks: z.record(z.string(), z.object({ IPAddress: z.string() })),
    }),
  }),
);

/**
 * Finds the containers of the stack's services by compose's labels; names are never assumed. One-off containers
 * (`compose run`) don't count, and of several of one service it is the one that production is: see {@link inUse}.
 */
export async function findContainers(ops: RunOps, stack: Stack): Promise<Containers> {
  const all = await findAllContainers(ops, stack);
  return Object.fromEntries(
    Object.entries(all).flatMap(([role, of]) => {
      const container = inUse(of);
      return container ? [[role, container]] : [];
    }),
  );
}

/** All that there are of each service: the one in use, one that will take its place, one that it took the place of. */
export async function findAllContainers(
  ops: RunOps,
  stack: Stack,
): Promise<Readonly<Record<ServiceRole, readonly Container[]>>> {
  const ids = await ask(
    ops,
    read([
      'docker',
      'ps',
      '-a',
      '--no-trunc',
      '--filter',
      `label=com.docker.compose.project=${stack.project}`,
      '--filter',
      'label=com.docker.compose.oneoff=False',
      '--format',
      '{{.ID}}',
    ]),
  );
  const found: Record<ServiceRole, Container[]> = { postgres: [], redis: [], app: [] };
  if (ids === '') return found;
  for (const c of await inspectContainers(ops, ids.split('\n'))) {
    const role = Object.entries(stack.services).find(([, s]) => s.key === c.labels['com.docker.compose.service'])?.[0];
    if (role) found[role as ServiceRole].push(c);
  }
  return found;
}

const ASIDE = /-(next|before)-(\d{8}T\d{6}Z)$/;

/** How a service's container is called while it waits to take another one's place, or when another one took its own. */
export const nameAside = (name: string, as: 'next' | 'before', run: string): string =>
  `${properName(name)}-${as}-${path.basename(run).slice(0, 16)}`;

/** Its name when it is in use. */
export const properName = (name: string): string => name.replace(ASIDE, '');

/** What it waits for, if it does: to take a place, or to get it back. */
export const isAside = ({ name }: Container): 'next' | 'before' | undefined =>
  ASIDE.exec(name)?.[1] as 'next' | 'before' | undefined;

/**
 * The one that production is. One that was to take its place and was never proved (a run was killed) is not, unless it runs without crashing:
 * then what is in it now is newer. One that never took a place is none at all.
 */
export function inUse(all: readonly Container[]): Container | undefined {
  const present = all.find((c) => !isAside(c));
  const isWell = present?.state === 'running' && present.restartCount === 0;
  if (isWell) return present;
  const before = all.filter((c) => isAside(c) === 'before');
  return before.sort((a, b) => b.name.localeCompare(a.name))[0] ?? present;
}

/** One container as it is now. @throws {CommandError} when it does not exist. */
export async function inspectContainer(ops: RunOps, id: string): Promise<Container> {
  const [container] = await inspectContainers(ops, [id]);
  if (container === undefined) throw new Error(`docker inspect ${id} answered nothing`);
  return container;
}

/** The same for several, in their order. */
export async function inspectContainers(ops: RunOps, ids: readonly string[]) {
  const { stdout } = await run(ops, inspect(ids));
  return answerOf('docker inspect', inspected, stdout).map((c) => ({
    id: c.Id,
    name: c.Name.replace(/^\//, ''),
    imageId: c.Image,
    state: c.State.Status,
    health: (c.State.Health?.Status ?? '') as Container['health'],
    restartCount: c.RestartCount,
    configHash: c.Config.Labels?.['com.docker.compose.config-hash'] ?? '',
    addresses: Object.fromEntries(
      Object.entries(c.NetworkSettings.Networks).map(([n, { IPAddress }]) => [n, IPAddress]),
    ),
    ports: Object.entries(c.NetworkSettings.Ports ?? {}).flatMap(([port, bindings]) =>
      (bindings ?? [])
        .filter((b) => !b.HostIp.includes(':')) // the IPv6 twin of an IPv4 binding
        .map((b) => ({
          target: Number.parseInt(port, 10),
          published: Number(b.HostPort),
          hostIp: b.HostIp || '0.0.0.0',
        })),
    ),
    labels: c.Config.Labels ?? {},
  }));
}

/** A volume of the compose file as the engine has it. */
export interface ExistingVolume extends NamedVolume, KnownVolume {
  /** Compose project by the volume's label; `undefined` for a volume made by hand. */
  readonly project: string | undefined;
  /** Names of containers outside of this project that have it mounted, stopped ones too. */
  readonly usedByOthers: readonly string[];
}

const volumeInspected = z.array(
  z.object({ Name: z.string(), CreatedAt: z.string(), Labels: z.record(z.string(), z.string()).nullable() }),
);

/** Those of the stack's volumes that exist. Found by the exact names of the resolved config, never by a pattern. */
export async function findVolumes(ops: RunOps, stack: Stack): Promise<ExistingVolume[]> {
  const names = stack.volumes.map((v) => v.name);
  if (names.length === 0) return [];
  // Exit code 1: some do not exist; those that do are printed all the same.
  const inspect = read(['docker', 'volume', 'inspect', ...names]);
  const first = await run(ops, inspect, [0, 1]);
  // Any other reason would make volumes that exist look absent: asked again, it is an error or an answer.
  const unclear = first.exitCode === 1 && !/no such volume/i.test(first.stderr);
  const { stdout } = unclear ? await run(ops, inspect) : first;
  const existing = answerOf('docker volume inspect', volumeInspected, stdout || '[]');
  return Promise.all(
    existing.map(async (v) => {
      const named = stack.volumes.find((n) => n.name === v.Name);
      if (named === undefined) throw new Error(`docker volume inspect answered ${v.Name}, which was not asked`);
      const users = await ask(
        ops,
        read([
          'docker',
          'ps',
          '-a',
          '--no-trunc',
          '--filter',
          `volume=${v.Name}`,
          '--format',
          '{{.ID}}\t{{.Names}}\t{{.Label "com.docker.compose.project"}}',
        ]),
      );
      const containers = users
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('\t') as [id: string, name: string, project: string]);
      return {
        ...named,
        createdAt: v.CreatedAt,
        project: v.Labels?.['com.docker.compose.project'],
        holder: containers[0]?.[0] ?? '',
        usedByOthers: containers.filter(([, , project]) => project !== stack.project).map(([, name]) => name),
      };
    }),
  );
}
