import { z } from 'zod';
import { type RunOps, run } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { inspect } from './docker.ts';
import { dataDirectoryOf, type Mount } from './places.ts';

export interface PublishedPort {
  readonly target: number;
  readonly published: number;
  /** Address on the host; `0.0.0.0` when the compose file names none. */
  readonly hostIp: string;
  readonly protocol: 'tcp' | 'udp';
}

/** A container of one of the stack's services. */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** '' without a healthcheck. */
  readonly health: '' | 'starting' | 'healthy' | 'unhealthy';
  readonly restartCount: number;
  /** RFC 3339; the year 1 when it never was. */
  readonly startedAt: string;
  /** How long it has been up since its last start; of one that is not, how long it was. 0: it never was. */
  readonly lastedMs: number;
  /** How long a stop waits for its programs before they are killed (`stop_grace_period`); 0: not said. */
  readonly stopSeconds: number;
  /** What compose compares to see whether it must be recreated; '' for a container that compose did not make. */
  readonly configHash: string;
  /** The container's own addresses by network. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Host ports by container port, as really bound now. */
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly Mount[];
  /** Where its server keeps its files, as the container was made. */
  readonly dataDirectory: string;
}

/** A volume as the engine reports it. */
export interface VolumeIdentity {
  readonly name: string;
  /** RFC 3339. Up to engine 22 this moves with every change in the volume's top directory: see {@link KnownVolume}. */
  readonly createdAt: string;
}

/** A volume together with what tells it from a later one of the same name. */
export interface KnownVolume extends VolumeIdentity {
  /**
   * Id of a container that has it mounted, '' without one. `createdAt` alone does not do: stopping PostgreSQL removes
   * postmaster.pid, and that moves it. But an engine removes no volume that a container has, so while that very container exists
   * the volume is the same one; and a volume that no container has is not written to.
   */
  readonly holder: string;
}

/** Nanoseconds; 0 and a field that is left out mean the engine's default. */
const healthcheckForm = {
  Healthcheck: z
    .object({ Test: z.array(z.string()).nullish(), Interval: z.int().default(0), Timeout: z.int().default(0) })
    .nullish(),
  Shell: z.array(z.string()).nullish(),
};

const inspected = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    Image: z.string(),
    RestartCount: z.int(),
    State: z.object({
      Status: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']),
      StartedAt: z.string(),
      FinishedAt: z.string(),
      ExitCode: z.int().default(0),
      Health: z.object({ Status: z.string(), Log: z.array(z.object({ Start: z.string() })).nullish() }).optional(),
    }),
    Config: z.object({
      Labels: z.record(z.string(), z.string()).nullable(),
      Env: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      WorkingDir: z.string().optional(),
      StopTimeout: z.int().nullish(),
      ...healthcheckForm,
    }),
    Mounts: z.array(
      z.object({
        Type: z.string(),
        Name: z.string().optional(),
        Source: z.string().optional(),
        Destination: z.string(),
      }),
    ),
    NetworkSettings: z.object({
      Ports: z
        .record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable())
        .nullable(),
      Networks: z.record(z.string(), z.object({ IPAddress: z.string() })),
    }),
  }),
);

type Inspected = z.infer<typeof inspected>[number];

/** The engine's name for a volume that nobody named. */
const ANONYMOUS = /^[0-9a-f]{64}$/;

/** A mount as the engine tells it; one that nobody named is the container's own. */
export const mountOf = ({ Type, Name = '', Source = '', Destination: target }: Inspected['Mounts'][number]): Mount =>
  Type === 'volume' && !ANONYMOUS.test(Name)
    ? { kind: 'volume', source: Name, target }
    : { kind: Type === 'bind' ? 'bind' : 'own', source: Type === 'bind' ? Source : '', target };

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
    /** When the engine last looked at its health; '' before that. */
    lookedAt: c.State.Health?.Log?.at(-1)?.Start ?? '',
    healthcheck: healthcheckOf(c.Config),
    restartCount: c.RestartCount,
    startedAt: c.State.StartedAt,
    lastedMs: lastedMs(c.State, ops.clock.now()),
    /** How its first program ended. */
    exitCode: c.State.ExitCode,
    stopSeconds: c.Config.StopTimeout ?? 0,
    configHash: c.Config.Labels?.['com.docker.compose.config-hash'] ?? '',
    // On the machine's own network it is where the machine is.
    addresses: Object.fromEntries(
      Object.entries(c.NetworkSettings.Networks).map(([n, { IPAddress }]) => [
        n,
        n === 'host' ? '127.0.0.1' : IPAddress,
      ]),
    ),
    ports: Object.entries(c.NetworkSettings.Ports ?? {}).flatMap(([port, bindings]) => boundAt(port, bindings ?? [])),
    mounts: c.Mounts.map(mountOf),
    dataDirectory: dataDirectoryOf({
      command: c.Config.Cmd ?? [],
      pgdata: c.Config.Env?.find((e) => e.startsWith('PGDATA='))?.slice('PGDATA='.length),
      workingDir: c.Config.WorkingDir,
    }),
    labels: c.Config.Labels ?? {},
  }));
}

/** Of what has not been yet, the engine says the year 1. */
function lastedMs({ Status, StartedAt, FinishedAt }: Inspected['State'], now: number): number {
  const isUp = Status === 'running' || Status === 'paused';
  return Math.max(0, (isUp ? now : Date.parse(FinishedAt)) - Date.parse(StartedAt));
}

/** The health check that the engine runs in a container, from the compose file or the image. */
export interface Healthcheck {
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  /** From the end of one look to the next. */
  readonly intervalMs: number;
}

/** What the engine takes for an interval or a timeout that is not set. */
const DEFAULT_MS = 30_000;

/** @returns undefined without one, and for one that was switched off. */
function healthcheckOf({ Healthcheck: check, Shell }: Inspected['Config']): Healthcheck | undefined {
  const [kind, ...words] = check?.Test ?? [];
  if (check == null || !(kind === 'CMD' || kind === 'CMD-SHELL')) return undefined;
  return {
    argv: kind === 'CMD' ? words : [...(Shell ?? ['/bin/sh', '-c']), ...words],
    timeoutMs: check.Timeout / 1e6 || DEFAULT_MS,
    intervalMs: check.Interval / 1e6 || DEFAULT_MS,
  };
}

/** What a port of a container (`80/tcp`) is bound to on the host. */
export function boundAt(port: string, bindings: readonly { HostIp: string; HostPort: string }[]): PublishedPort[] {
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
