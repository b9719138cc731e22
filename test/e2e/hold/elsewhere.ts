import { execFileSync } from 'node:child_process';

const LANE = Number(process.env.SANDBOX_LANE ?? 0);
const NAME = `wfops-hold${LANE}`;
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

function inBoth(how: '-A' | '-D', rule: readonly string[]): void {
  for (const program of ['iptables', 'ip6tables'])
    execFileSync(program, ['-w', '5', how, 'INPUT', '-i', NAME, ...rule], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Another machine, as far as this one's firewall can tell: a network namespace behind a pair of virtual interfaces. */
export class Elsewhere {
  #input: string[][] = [];
  /** This machine as seen from there. */
  readonly host = `10.231.${LANE}.1`;
  readonly host6 = `[fd00:231:${LANE}::1]`;
  /** Words before a command that runs there. */
  readonly enter = ['ip', 'netns', 'exec', NAME] as const;

  constructor() {
    this.remove(); // of a run that was killed
    ip('netns', 'add', NAME);
    ip('link', 'add', NAME, 'type', 'veth', 'peer', 'name', `${NAME}p`);
    ip('link', 'set', `${NAME}p`, 'netns', NAME);
    ip('addr', 'add', `${this.host}/24`, 'dev', NAME);
    ip('addr', 'add', `fd00:231:${LANE}::1/64`, 'dev', NAME, 'nodad');
    ip('link', 'set', NAME, 'up');
    ip('-n', NAME, 'addr', 'add', `10.231.${LANE}.2/24`, 'dev', `${NAME}p`);
    ip('-n', NAME, 'addr', 'add', `fd00:231:${LANE}::2/64`, 'dev', `${NAME}p`, 'nodad');
    ip('-n', NAME, 'link', 'set', `${NAME}p`, 'up');
    ip('-n', NAME, 'link', 'set', 'lo', 'up');
  }

  /** From there only these ports may be asked for, as a host's firewall has it that drops what it was not told of. */
  admitOnly(ports: readonly number[]): void {
    this.#input = [
      ['-m', 'conntrack', '--ctstate', 'ESTABLISHED,RELATED', '-j', 'ACCEPT'],
      ['-p', 'tcp', '-m', 'multiport', '--dports', ports.join(','), '-j', 'ACCEPT'],
      ['-p', 'udp', '-j', 'DROP'],
      ['-p', 'tcp', '-j', 'DROP'],
    ];
    for (const rule of this.#input) inBoth('-A', rule);
  }

  remove(): void {
    for (const rule of this.#input.splice(0)) inBoth('-D', rule);
    for (const args of [
      ['link', 'del', NAME],
      ['netns', 'del', NAME],
    ]) {
      try {
        ip(...args);
      } catch {
        // not there
      }
    }
  }
}
