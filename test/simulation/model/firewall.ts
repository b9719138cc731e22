import type { VirtualClock } from './clock.ts';
import { unknown } from './flags.ts';
import type { Call, Reply } from './process.ts';

/** What the engine has made; its own rules for ports are the model's published ports. */
const ENGINES = ['-P PREROUTING ACCEPT', '-P OUTPUT ACCEPT', '-N DOCKER', '-A DOCKER -i br-model -j RETURN'];

/** The nat tables of both families, of which connections from this machine are led by OUTPUT. */
export class Firewall {
  readonly #tables: Record<string, string[]> = { iptables: [], ip6tables: [] };
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** Rules that somebody has put there, whether they still have an effect or not. */
  get rules(): readonly string[] {
    return Object.values(this.#tables).flat();
  }

  /** Those that still lead somebody somewhere. */
  get leading(): readonly string[] {
    return this.rules.filter((rule) => rule.includes(' -j ') && this.#counts(rule));
  }

  /** `iptables …` and `ip6tables …`. */
  run({ argv, input }: Call, changed: () => void): Reply {
    const [program = '', ...words] = argv;
    const name = program.replace('-restore', '');
    const table = this.#tables[name] ?? unknown(argv.join(' '));
    const typed = words.join(' ');
    if (program === name && typed === '-w 5 -t nat -S')
      return { stdout: [...(name === 'iptables' ? ENGINES : []), ...table, ''].join('\n') };
    if (program === name || typed !== '-w 5 --noflush') return unknown(argv.join(' '));
    changed();
    const next = [...table];
    const [first, ...lines] = input.toString().split('\n');
    if (first !== '*nat' || lines.at(-1) !== '' || lines.at(-2) !== 'COMMIT') return unknown(input.toString());
    for (const line of lines.slice(0, -2)) {
      const [, how, chain, rest] = /^-(I|D) (\S+) (?:1 )?(.*)$/.exec(line) ?? unknown(line);
      const rule = `-A ${chain} ${rest}`;
      if (how === 'I') next.unshift(rule);
      else if (!next.includes(rule)) return { exitCode: 2, stderr: 'iptables-restore: line failed\n' };
      else next.splice(next.indexOf(rule), 1);
    }
    this.#tables[name] = next;
    return {};
  }

  /** The port to which a connection from this machine to one of its ports is led instead. @param from the client's own port. */
  leads(port: number, from?: number): number | undefined {
    const rule = this.#tables.iptables?.find((r) => {
      const [, low, high] = / --sport (\d+):(\d+) /.exec(r) ?? [];
      const isMeant = low === undefined || (from !== undefined && from >= Number(low) && from <= Number(high));
      return r.startsWith('-A OUTPUT ') && r.includes(` --dport ${port} `) && isMeant && this.#counts(r);
    });
    const to = / --to-destination :(\d+)$/.exec(rule ?? '')?.[1];
    return to === undefined ? undefined : Number(to);
  }

  #counts(rule: string): boolean {
    const stop = / --datestop (\S+) /.exec(rule)?.[1];
    return stop === undefined || Date.parse(`${stop}Z`) > this.#clock.now();
  }
}
