import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const docker = (...args: string[]): string[] =>
  execFileSync('docker', args, { encoding: 'utf8' }).split('\n').filter(Boolean);

const LISTS = {
  container: ['ps', '-a', '--format', '{{.Names}}'],
  volume: ['volume', 'ls', '--format', '{{.Name}}'],
  network: ['network', 'ls', '--format', '{{.Name}}'],
} as const;

const noted = (names: string): string[] =>
  existsSync(names) ? readFileSync(names, 'utf8').split('\n').filter(Boolean) : [];

/** Whether it is called as the tests of this process have called something. */
function isOurs(name: string, names: string): boolean {
  return noted(names).some((own) => name === own || name.startsWith(`${own}_`) || name.startsWith(`${own}-`));
}

/** Rules of the firewall with a comment that the tests of this process have noted, each once. */
function rulesOf(names: string): string[] {
  const comments = noted(names);
  const rules = ['iptables', 'ip6tables'].flatMap((program) =>
    execFileSync(program, ['-w', '-t', 'nat', '-S'], { encoding: 'utf8' }).split('\n'),
  );
  return [...new Set(rules.filter((rule) => comments.some((comment) => rule.includes(`--comment ${comment} `))))];
}

/**
 * Looks what the tests leave on the engine and in the firewall: by the names that they give, and, of volumes without a name, by the containers that had them.
 *
 * @param names the file in which what makes something notes how it calls that: another process may have tests of its own at the same time.
 * @returns `end`, which names what is there.
 */
export function watchLeftovers(names: string): { end(): Promise<string[]> } {
  const nameless = new Map<string, string>();
  const containers = new Map<string, string>();
  const format = '{{.Type}}\t{{.Actor.ID}}\t{{.Actor.Attributes.name}}\t{{.Actor.Attributes.container}}';
  const filters = ['type=container', 'type=volume', 'event=create', 'event=mount'].flatMap((f) => ['--filter', f]);
  const events = spawn('docker', ['events', ...filters, '--format', format], { stdio: ['ignore', 'pipe', 'ignore'] });
  const told = createInterface({ input: events.stdout });
  told.on('line', (line) => {
    const [type, id = '', name = '', container = ''] = line.split('\t');
    if (type === 'container') containers.set(id, name);
    else if (/^[0-9a-f]{64}$/.test(id)) nameless.set(id, container);
  });
  return {
    async end() {
      const ended = new Promise((resolve) => told.once('close', resolve));
      events.kill();
      await ended;
      const volumes = new Set(docker('volume', 'ls', '-q'));
      const left = [...nameless]
        .map(([volume, container]) => ({ volume, name: containers.get(container) ?? '' }))
        .filter(({ volume, name }) => volumes.has(volume) && isOurs(name, names));
      return [
        ...Object.entries(LISTS).flatMap(([what, list]) =>
          docker(...list)
            .filter((name) => isOurs(name, names))
            .map((name) => `${what} ${name}`),
        ),
        ...left.map(({ volume, name }) => `volume ${volume} of container ${name}`),
        ...rulesOf(names).map((rule) => `rule ${rule}`),
      ];
    },
  };
}
