import { type Command, change, ifFails, type RunOps, read, run } from '../../core/run.ts';

export type Family = 'ipv4' | 'ipv6';

/** The programs for the nat table of each family, and what has to stand before them. */
export interface Firewall {
  /** `sudo -n` for who is not root; nothing for root. */
  readonly prefix: readonly string[];
  readonly families: readonly Family[];
}

/** Every rule of the nat table, a line each as `-S` prints them: chains first, then `-A <chain> …`. */
export type Listing = readonly string[];

const PROGRAMS: Readonly<Record<Family, string>> = { ipv4: 'iptables', ipv6: 'ip6tables' };

/** Others (the engine, firewalld) hold the table's lock for moments. */
const WAIT = ['-w', '5'];

/** Tries it as who we are, then through `sudo -n`. @returns undefined where neither may read the IPv4 table. */
export async function findFirewall(ops: RunOps): Promise<Firewall | undefined> {
  for (const prefix of [[], ['sudo', '-n']]) {
    const may = async (family: Family) => (await listing(ops, { prefix, families: [family] }, family)) !== undefined;
    if (await may('ipv4')) return { prefix, families: (await may('ipv6')) ? ['ipv4', 'ipv6'] : ['ipv4'] };
  }
  return undefined;
}

/** The nat table as it is now; undefined where it can't be read. */
export async function listing(ops: RunOps, firewall: Firewall, family: Family): Promise<Listing | undefined> {
  return list(ops, firewall, family).catch(ifFails(() => undefined));
}

async function list(ops: RunOps, { prefix }: Firewall, family: Family): Promise<Listing> {
  const { stdout } = await run(ops, read([...prefix, PROGRAMS[family], ...WAIT, '-t', 'nat', '-S']));
  return stdout.split('\n').filter(Boolean);
}

/**
 * In one transaction, all rules with this comment are replaced by others, which go to the top of their chains.
 *
 * @param comment the whole of a rule's comment; letters, digits, `-`, `_` and `:`.
 * @param rules `<chain> <match and target>` in the order in which they are to be asked; each has the comment itself.
 * @throws {CommandError} when the kernel or the program refuses one of them, or does not say which are there: nothing has changed then.
 */
export async function replaceRules(
  ops: RunOps,
  firewall: Firewall,
  comment: string,
  rules: Readonly<Record<Family, readonly string[]>>,
): Promise<void> {
  for (const family of firewall.families) {
    const there = rulesWith(comment, await list(ops, firewall, family));
    // Each goes to the top, so the first comes last.
    const insert = [...rules[family]].reverse().map((rule) => `-I ${rule.replace(' ', ' 1 ')}`);
    const remove = there.map((line) => line.replace(/^-A/, '-D'));
    if (insert.length + remove.length === 0) continue;
    await run(ops, restore(firewall, family, ['*nat', ...insert, ...remove, 'COMMIT', '']));
  }
}

const restore = ({ prefix }: Firewall, family: Family, lines: readonly string[]): Command =>
  change([...prefix, `${PROGRAMS[family]}-restore`, ...WAIT, '--noflush'], {
    input: lines.join('\n'),
    deadlineMs: 15_000,
  });

/** The rules that have exactly this comment. */
export const rulesWith = (comment: string, lines: Listing): string[] =>
  lines.filter((line) => / --comment (?:"([^"]*)"|(\S+))(?= |$)/.exec(line)?.slice(1).includes(comment) ?? false);
