import { healthOf } from './app.ts';
import { PGDATA } from './cluster.ts';
import type { Container, Engine, Image } from './engine.ts';
import { INTERVAL_MS } from './health-looks.ts';

/** A container as `docker inspect` prints it, as far as anybody asks. */
export function inspected(engine: Engine, c: Container) {
  const running = c.state === 'running' || c.state === 'paused';
  const health = healthOf(engine, c);
  const bindings = (everywhere: string) => (p: NonNullable<Container['ports']>[number]) => [
    `${p.target}/tcp`,
    [{ HostIp: p.hostIp || everywhere, HostPort: String(p.published) }],
  ];
  return {
    Id: c.id,
    Name: `/${c.name}`,
    Image: c.image.id,
    RestartCount: c.app?.restarts ?? 0,
    State: {
      Status: c.state,
      Running: running,
      StartedAt: moment(engine, c.state === 'created' ? undefined : c.startedAt),
      FinishedAt: moment(engine, c.endedAt),
      ExitCode: c.exitCode,
      OOMKilled: false,
      ...(health && { Health: health }),
    },
    Config: {
      Labels: c.labels ?? {},
      Env: envOf(c),
      Cmd: c.command ?? [],
      WorkingDir: WORKING_DIR[c.image.program],
      ...(health && { Healthcheck: { Test: c.healthcheck, Interval: INTERVAL_MS * 1e6, Timeout: 10_000e6 } }),
    },
    Mounts: [
      ...Object.entries(c.mounts ?? {}).map(([Destination, name]) => ({
        Type: 'volume',
        Name: name ?? c.id,
        Destination,
      })),
      ...Object.entries(c.binds ?? {}).map(([Destination, Source]) => ({ Type: 'bind', Source, Destination })),
    ],
    // As it was asked for, and as it is bound on a machine without IPv6.
    HostConfig: { PortBindings: Object.fromEntries((c.ports ?? []).map(bindings(''))) },
    NetworkSettings: {
      Ports: running ? Object.fromEntries((c.ports ?? []).map(bindings('0.0.0.0'))) : {},
      Networks: Object.fromEntries(
        Object.keys(c.networks)
          .filter((n) => !n.startsWith('container:'))
          .map((n) => [n, { IPAddress: running && n !== 'none' ? c.address : '' }]),
      ),
    },
  };
}

/** RFC 3339; as the engine says of what has not been. */
const moment = ({ clock }: Engine, at: number | undefined): string =>
  at === undefined ? '0001-01-01T00:00:00Z' : new Date(clock.now() - clock.monotonic() + at).toISOString();

/** What the images of the stores say about where data is. */
export const imageEnv = (program: Image['program']): Record<string, string> =>
  program === 'postgres' ? { PGDATA, PG_MAJOR: '15' } : {};

/** With what its image sets, as the engine has it. */
export const envOf = ({ image, env }: Pick<Container, 'image' | 'env'>): string[] =>
  Object.entries({ ...imageEnv(image.program), ...image.env, ...env }).map((e) => e.join('='));

export const WORKING_DIR = { postgres: '', redis: '/data', app: '/app' } as const;

/** Go templates, as far as they are used: a field, its JSON, an entry of a map. */
export function template(format: string, data: Readonly<Record<string, unknown>>): string {
  const field = (path: string) =>
    path
      .split('.')
      .filter(Boolean)
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], data);
  return format.replace(/\{\{(.*?)\}\}/g, (_, inside: string) => {
    const plain = /^(\.[\w.]+)$/.exec(inside);
    if (plain) return String(field(plain[1] ?? '') ?? '');
    const json = /^json (\.[\w.]+)$/.exec(inside);
    if (json) return JSON.stringify(field(json[1] ?? ''));
    const entry = /^index (\.[\w.]+) "([^"]+)"$/.exec(inside);
    if (entry) return (field(entry[1] ?? '') as Record<string, string>)[entry[2] ?? ''] ?? '';
    const label = /^\.Label "([^"]+)"$/.exec(inside);
    if (label) return (data.Labels as Record<string, string>)[label[1] ?? ''] ?? '';
    throw new Error(`not modelled: template ${inside}`);
  });
}
