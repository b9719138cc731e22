import { z } from 'zod';
import { answerOf } from '../host/answer.ts';
import { read } from '../host/command.ts';
import { inspect } from '../host/docker.ts';
import { ask, type RunOps, run } from '../host/run.ts';
import type { Container, KnownVolume, NamedVolume, PublishedPort, ServiceRole, Stack } from './stack.ts';

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
 * (`compose run`) don't count.
 */
export async function findContainers(ops: RunOps, stack: Stack): Promise<Containers> {
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
  if (ids === '') return {};
  const found: Partial<Record<ServiceRole, Container>> = {};
  for (const c of await inspectContainers(ops, ids.split('\n'))) {
    const role = Object.entries(stack.services).find(([, s]) => s.key === c.labels['com.docker.compose.service'])?.[0];
    if (role) found[role as ServiceRole] = c;
  }
  return found;
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
    ports: Object.entries(c.NetworkSettings.Ports ?? {}).flatMap(([port, bindings]) => boundAt(port, bindings ?? [])),
    labels: c.Config.Labels ?? {},
  }));
}

/** What a port of a container (`80/tcp`) is bound to on the host. */
function boundAt(port: string, bindings: readonly { HostIp: string; HostPort: string }[]): PublishedPort[] {
  const protocol = port.endsWith('/udp') ? 'udp' : 'tcp';
  const twin = (b: { HostIp: string; HostPort: string }) =>
    b.HostIp === '::' && bindings.some((o) => o.HostIp === '0.0.0.0' && o.HostPort === b.HostPort);
  return bindings
    .filter((b) => !twin(b))
    .map(({ HostIp, HostPort }) => ({
      target: Number.parseInt(port, 10),
      published: Number(HostPort),
      hostIp: HostIp || '0.0.0.0',
      protocol,
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
