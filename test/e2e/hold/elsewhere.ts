import { execFileSync } from 'node:child_process';

const LANE = Number(process.env.SANDBOX_LANE ?? 0);
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** Another machine, as far as this one's firewall can tell: a network namespace behind a pair of virtual interfaces. */
export class Elsewhere {
  readonly #name: string;
  #input: string[][] = [];
  /** This machine as seen from there. */
  readonly host: string;
  readonly host6: string;
  /** Words before a command that runs there. */
  readonly enter: readonly string[];

  /** @param which each file its own, as two may run at the same time; below 10. */
  constructor(which: number) {
    const number = 10 * LANE + which;
    const name = `wfops-hold${number}`;
    this.#name = name;
    this.host = `10.231.${number}.1`;
    this.host6 = `[fd00:231:${number}::1]`;
    this.enter = ['ip', 'netns', 'exec', name];
    this.remove(); // of a run that was killed
    ip('netns', 'add', name);
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`);
    ip('link', 'set', `${name}p`, 'netns', name);
    ip('addr', 'add', `${this.host}/24`, 'dev', name);
    ip('addr', 'add', `fd00:231:${number}::1/64`, 'dev', name, 'nodad');
    ip('link', 'set', name, 'up');
    ip('-n', name, 'addr', 'add', `10.231.${number}.2/24`, 'dev', `${name}p`);
    ip('-n', name, 'addr', 'add', `fd00:231:${number}::2/64`, 'dev', `${name}p`, 'nodad');
    ip('-n', name, 'link', 'set', `${name}p`, 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }

  /** From there only these ports may be asked for, as a host's firewall has it that drops what it was not told of. */
  admitOnly(ports: readonly number[]): void {
    this.#input = [
      ['-m', 'conntrack', '--ctstate', 'ESTABLISHED,RELATED', '-j', 'ACCEPT'],
      ['-p', 'tcp', '-m', 'multiport', '--dports', ports.join(','), '-j', 'ACCEPT'],
      ['-p', 'udp', '-j', 'DROP'],
      ['-p', 'tcp', '-j', 'DROP'],
    ];
    for (const rule of this.#input) this.#inBoth('-A', rule);
  }

  remove(): void {
    for (const rule of this.#input.splice(0)) this.#inBoth('-D', rule);
    for (const args of [
      ['link', 'del', this.#name],
      ['netns', 'del', this.#name],
    ]) {
      try {
        ip(...args);
      } catch {
        // not there
      }
    }
  }

  #inBoth(how: '-A' | '-D', rule: readonly string[]): void {
    for (const program of ['iptables', 'ip6tables'])
      execFileSync(program, ['-w', '5', how, 'INPUT', '-i', this.#name, ...rule], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
  }
}
