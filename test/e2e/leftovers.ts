import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isOfLane } from '../sandbox/sandbox.ts';

const docker = (...args: string[]): string[] =>
  execFileSync('docker', args, { encoding: 'utf8' }).split('\n').filter(Boolean);

const LISTS = {
  container: ['ps', '-a', '--format', '{{.Names}}'],
  volume: ['volume', 'ls', '--format', '{{.Name}}'],
  network: ['network', 'ls', '--format', '{{.Name}}'],
} as const;

const there = (): string[] =>
  Object.entries(LISTS).flatMap(([what, list]) =>
    docker(...list)
      .filter(isOfLane)
      .map((name) => `${what} ${name}`),
  );

/**
 * Looks what the tests leave on the engine: by the names that they give, and, of volumes without a name, by the containers that had them.
 *
 * @returns `end`, which names what is there and was not at the beginning.
 */
export function watchLeftovers(): { end(): Promise<string[]> } {
  const before = new Set(there());
  const nameless = new Map<string, string>();
  const names = new Map<string, string>();
  const format = '{{.Type}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{.Actor.Attributes.container}}';
  const filters = ['type=container', 'type=volume', 'event=create', 'event=mount'].flatMap((f) => ['--filter', f]);
  const events = spawn('docker', ['events', ...filters, '--format', format], { stdio: ['ignore', 'pipe', 'ignore'] });
  const told = createInterface({ input: events.stdout });
  told.on('line', (line) => {
    const [type, id = '', name = '', container = ''] = line.split(' ');
    if (type === 'container') names.set(id, name);
    else if (container !== '<no' && /^[0-9a-f]{64}$/.test(id)) nameless.set(id, container);
  });
  return {
    async end() {
      const ended = new Promise((resolve) => told.once('close', resolve));
      events.kill();
      await ended;
      const volumes = new Set(docker('volume', 'ls', '-q'));
      const left = [...nameless]
        .map(([volume, container]) => ({ volume, name: names.get(container) ?? '' }))
        .filter(({ volume, name }) => volumes.has(volume) && isOfLane(name));
      return [
        ...there().filter((one) => !before.has(one)),
        ...left.map(({ volume, name }) => `volume ${volume} of container ${name}`),
      ];
    },
  };
}
