import type { Script } from '../../../lib/runs/command-line/script.ts';
import { type Check, twice } from './again.ts';
import { Deployment } from './deployment.ts';
import type { How, Point } from './faults.ts';
import { runAndCheck } from './invariants.ts';

/** What goes wrong with any command, and with one that has an effect. */
const ANY: readonly How[] = ['fails', 'hangs', 'interrupt', 'killed', 'dies'];
const AFTER: readonly How[] = ['dies-after', 'hangs-after', 'interrupted-after', 'killed-after'];
/** So long something was waited for: a command, a remote, the application. */
const LATE = /: no end after [\d.]+ s|did not send everything within \d+ s|no answer within \d+ ms/;

export interface Scenario {
  readonly args: readonly string[];
  /** What the script finds. */
  readonly given: (d: Deployment) => Promise<unknown>;
  /** Default: the full rebuild, and what must be so after it. */
  readonly script?: Script;
  readonly check?: Check;
  /** The command line after that, if it is another one. */
  readonly again?: readonly string[];
  /** What must be so after both runs. */
  readonly kept?: (runs: Check) => Check;
  /** In which ways alone something goes wrong; default: in all. */
  readonly ways?: readonly How[];
  /** In what ways else something goes wrong at a command. */
  readonly moreWays?: (point: Point) => readonly How[];
  /** So many commands are tried by default, spread evenly, in each of the ways in turn; `first`: not from the beginning of them. */
  readonly sample: { readonly changes: number; readonly reads: number; readonly first?: How };
}

export interface Sweep {
  readonly commands: number;
  readonly tried: number;
  /** Commands that did not come again in a second run: nothing was tried at them. */
  readonly missed: readonly string[];
  /** Commands where one failure was more than the script could undo: exit code 6. */
  readonly needsPerson: readonly string[];
  /** Invariants that did not hold, with the command. */
  readonly broken: readonly string[];
  readonly exitCodes: ReadonlyMap<number, number>;
}

/**
 * Runs the script once to learn its commands, then once for each of them, with something going wrong there, each time on a
 * new machine. By default at some commands, in one way each: what `npm test` has time for. `SIMULATION=full` tries every command in every
 * way, `SIMULATION=full:killed,hangs` in these, `SIMULATION=17:fails` the one, and prints what was said.
 */
export async function sweep(scenario: Scenario): Promise<Sweep> {
  const wanted = process.env.SIMULATION ?? '';
  const [, onlyAt, onlyHow] = /^(\d+):(.+)$/.exec(wanted) ?? [];
  const only = /^full:(.+)$/.exec(wanted)?.[1]?.split(',');
  const {
    args,
    again,
    script,
    check = runAndCheck,
    kept = (runs) => runs,
    moreWays = () => [],
    ways: these,
  } = scenario;
  const runs = kept(twice(check, again));
  const ways = (point: Point) =>
    [...ANY, ...(point.isChange ? AFTER : []), ...moreWays(point)].filter(
      (how) => (only ?? these)?.includes(how) ?? true,
    );
  const { points } = await on(scenario, (d) => d.run(args, scenario));
  const numbered = points.map((point, at) => ({ ...point, at }));
  const tries = wanted
    ? numbered.flatMap((point) => ways(point).map((how) => ({ ...point, how })))
    : sampleOf(numbered, scenario.sample, ways);
  const missed: string[] = [];
  const needsPerson: string[] = [];
  const broken: string[] = [];
  const exitCodes = new Map<number, number>();
  let tried = 0;
  for (const [number, fault] of tries.entries()) {
    if (wanted && number % 100 === 0) console.log(`${number} of ${tries.length}`);
    if (onlyAt && (String(fault.at) !== onlyAt || fault.how !== onlyHow)) continue;
    const where = `command ${fault.at}, ${fault.how}: ${short(fault.label)} (${fault.nth})`;
    tried += 1;
    try {
      const ended = await on(scenario, (d) => runs(d, args, { fault, ...(script && { script }) }));
      exitCodes.set(ended.exitCode, (exitCodes.get(ended.exitCode) ?? 0) + 1);
      if (!ended.struck) missed.push(where);
      if (fault.how.startsWith('hangs') && ended.exitCode !== 0 && !LATE.test(ended.text))
        broken.push(`${where}\n  nobody says that it did not end, and after how long\n${onlyAt ? ended.text : ''}`);
      if (ended.exitCode === 6) needsPerson.push(where);
      if (onlyAt) console.log(where, ended.text);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      broken.push(`${where}\n  ${onlyAt ? said : said.split('\n\n')[0]}`);
    }
  }
  return { commands: points.length, tried, missed, needsPerson, broken, exitCodes };
}

type Numbered = Point & { readonly at: number };

function sampleOf(
  points: readonly Numbered[],
  { changes, reads, first = 'fails' }: Scenario['sample'],
  ways: (point: Point) => readonly How[],
): (Numbered & { readonly how: How })[] {
  const chosen = [
    ...spread(
      points.filter((p) => p.isChange),
      changes,
    ),
    ...spread(
      points.filter((p) => !p.isChange),
      reads,
    ),
  ];
  return chosen.map((p, turn) => {
    const all = ways(p);
    return { ...p, how: all[(Math.max(0, all.indexOf(first)) + turn) % all.length] as How };
  });
}

/** Without what all calls of git have in common. */
const short = (label: string) => label.replace(/^git (--[\w-]+ |-c \S+ )+-C \S+ /, 'git … ').slice(0, 300);

/** The middle of each of so many parts: at their beginnings, all samples would have the very first command of all in common. */
const spread = <T>(all: readonly T[], parts: number): T[] =>
  Array.from({ length: Math.min(parts, all.length) }, (_, n) => all[Math.floor(((n + 0.5) * all.length) / parts)] as T);

async function on<T>({ given }: Scenario, use: (d: Deployment) => Promise<T>): Promise<T> {
  const d = new Deployment();
  try {
    await given(d);
    return await use(d);
  } finally {
    d.remove();
  }
}
