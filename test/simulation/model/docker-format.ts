import { healthOf } from './app.ts';
import type { Container, Engine } from './engine.ts';

/** A container as `docker inspect` prints it, as far as anybody asks. */
export function inspected(engine: Engine, c: Container) {
  const running = c.state === 'running' || c.state === 'paused';
  const health = healthOf(engine, c);
  const ports = (c.ports ?? []).map((p) => [
    `${p.target}/tcp`,
    running ? [{ HostIp: p.hostIp ?? '0.0.0.0', HostPort: String(p.published) }] : null,
  ]);
  return {
    Id: c.id,
    Name: `/${c.name}`,
    Image: c.image.id,
    RestartCount: c.app?.restarts ?? 0,
    State: {
      Status: c.state,
      Running: running,
      ExitCode: c.exitCode,
      OOMKilled: false,
      ...(health ? { Health: { Status: health } } : {}),
    },
    Config: { Labels: c.labels ?? {} },
    Mounts: Object.entries(c.mounts ?? {}).map(([Destination, name]) => ({
      Type: 'volume',
      Name: name ?? `anonymous-${c.id}`,
      Destination,
    })),
    NetworkSettings: {
      Ports: Object.fromEntries(ports),
      Networks: Object.fromEntries(
        Object.keys(c.networks)
          .filter((n) => !n.startsWith('container:'))
          .map((n) => [n, { IPAddress: running && n !== 'none' ? c.address : '' }]),
      ),
    },
  };
}

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
