import { envOf } from './docker-format.ts';
import { type Container, type Engine, EngineError } from './engine.ts';
import { parseFlags, unknown } from './flags.ts';
import type { Host } from './host.ts';
import type { Call, Reply } from './process.ts';

interface Body {
  readonly Image: string;
  readonly Hostname?: string;
  readonly Env?: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly Cmd: readonly string[] | null;
  readonly Healthcheck?: { readonly Test: readonly string[] } | null;
}

interface HostConfig {
  readonly NetworkMode: string;
  readonly Binds?: readonly string[] | null;
  readonly RestartPolicy?: { readonly Name: string };
  readonly Mounts?: readonly { readonly Source: string; readonly Target: string }[];
  readonly PortBindings?: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>>;
}

interface Endpoint {
  readonly Aliases: readonly string[];
}

/** `curl --unix-socket …`: a container's definition, and a container made of one. */
export function curl(machine: Host, call: Call): Reply {
  const flags = parseFlags(call.argv.slice(1), '-sS --version', '-w --unix-socket -H --data-binary');
  if (flags.on.has('--version')) return { stdout: 'curl 7.88.1\n' };
  const { rest, more } = splitRest(flags.rest);
  const url = new URL(rest);
  const posts = [...flags.values.keys(), ...more].includes('--data-binary');
  const said = (status: number, body: unknown): Reply => ({ stdout: `${JSON.stringify(body)}\n${status}` });
  try {
    if (url.pathname === '/networks') return said(200, [...machine.engine.networks].map(networkOf));
    const [, id] = /^\/containers\/([\w.-]+)\/json$/.exec(url.pathname) ?? [];
    if (id !== undefined && !posts) return said(200, described(machine.engine.container(id)));
    const [, network] = /^\/networks\/([\w.-]+)\/connect$/.exec(url.pathname) ?? [];
    if (network !== undefined && posts) {
      machine.changed(call);
      const { Container: connected, EndpointConfig } = JSON.parse(call.input.toString());
      Object.assign(machine.engine.container(connected).networks, { [network]: EndpointConfig.Aliases ?? [] });
      return { stdout: '200' };
    }
    if (url.pathname !== '/containers/create' || !posts) return unknown(call.argv.join(' '));
    machine.changed(call);
    const body = JSON.parse(call.input.toString());
    return said(201, { Id: create(machine.engine, url.searchParams.get('name') ?? '', body).id });
  } catch (error) {
    if (error instanceof EngineError)
      return said(/No such/.test(error.message) ? 404 : 409, { message: error.message });
    throw error;
  }
}

const networkOf = ([Name, Labels]: [string, Readonly<Record<string, string>>]) => ({
  ...{ Name, Labels, Driver: 'bridge', Options: {}, Internal: Labels.internal === 'true', EnableIPv6: false },
  IPAM: { Config: [{ Subnet: '172.18.0.0/16' }] },
});

/** Options may come behind the address. */
const splitRest = ([rest = '', ...more]: readonly string[]) => ({ rest, more });

export function described(c: Container) {
  const networks = Object.entries(c.networks);
  const named = Object.entries(c.mounts ?? {}).filter((m): m is [string, string] => m[1] !== undefined);
  return {
    Id: c.id,
    Name: `/${c.name}`,
    Image: c.image.id,
    State: { Status: c.state },
    Config: {
      Hostname: c.id.slice(0, 12),
      Image: [...c.image.tags][0] ?? c.image.id,
      Env: envOf(c),
      Labels: c.labels ?? {},
      Cmd: c.command ?? null,
      Volumes: Object.fromEntries(Object.keys(c.anonymous).map((target) => [target, {}])),
      Healthcheck: c.healthcheck ? { Test: c.healthcheck } : null,
    },
    HostConfig: {
      NetworkMode: networks[0]?.[0] ?? 'bridge',
      RestartPolicy: { Name: c.restart ?? 'unless-stopped', MaximumRetryCount: 0 },
      Binds: c.envFile ? [`${c.envFile}:/app/.env:ro`] : null,
      Mounts: named.map(([Target, Source]) => ({ Type: 'volume', Source, Target })),
      PortBindings: Object.fromEntries(
        (c.ports ?? []).map((p) => [`${p.target}/tcp`, [{ HostIp: p.hostIp ?? '', HostPort: String(p.published) }]]),
      ),
    },
    Mounts: named.map(([Destination, Name]) => ({ Type: 'volume', Name, Destination, RW: true })),
    NetworkSettings: {
      Networks: Object.fromEntries(networks.map(([n, aliases]) => [n, { Aliases: [...aliases, c.id.slice(0, 12)] }])),
    },
  };
}

type Created = Body & {
  readonly HostConfig: HostConfig;
  readonly NetworkingConfig?: { readonly EndpointsConfig: Readonly<Record<string, Endpoint>> };
};

function create(engine: Engine, name: string, body: Created): Container {
  const { NetworkMode, Binds, Mounts = [], PortBindings = {} } = body.HostConfig;
  const endpoints = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  if (endpoints.length > 1) throw new EngineError('Container cannot be connected to network endpoints');
  const networks = endpoints.map(([network, { Aliases }]) => [network, Aliases] as const);
  const image = engine.image(body.Image);
  const ofImage = envOf({ image, env: {} });
  const env = (body.Env ?? []).filter((line) => !ofImage.includes(line));
  return engine.create({
    name: name || `nameless_${engine.newId().slice(0, 12)}`,
    image,
    env: Object.fromEntries(env.map((line) => line.split(/=(.*)/s).slice(0, 2))),
    labels: body.Labels,
    ...(body.Cmd ? { command: body.Cmd } : {}),
    networks: networks.length > 0 ? Object.fromEntries(networks) : { [NetworkMode]: [] },
    ports: Object.entries(PortBindings).flatMap(([port, bindings]) =>
      bindings.map((b) => ({ target: Number.parseInt(port, 10), published: Number(b.HostPort), hostIp: b.HostIp })),
    ),
    mounts: Object.fromEntries(Mounts.map((m) => [m.Target, m.Source])),
    ...(body.Healthcheck && { healthcheck: body.Healthcheck.Test }),
    envFile: Binds?.[0]?.split(':')[0],
    restart: body.HostConfig.RestartPolicy?.Name,
  });
}
