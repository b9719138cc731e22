import { Deployment } from './deployment.ts';
import type { How } from './faults.ts';
import { runAndCheck } from './invariants.ts';

const WAYS: readonly How[] = ['fails', 'fails-after', 'interrupt', 'interrupted-after'];

/** So many commands are tried by default: those that change something, and those that only look. */
const DEFAULT = { changes: 16, reads: 8 };

export interface Scenario {
  readonly args: readonly string[];
  /** What the script finds. */
  readonly given: (d: Deployment) => Promise<unknown>;
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
 * new machine. By default at two dozen of them, spread evenly, most of them commands that change something, each going wrong in one of
 * the ways, in turn: what `npm test` has time for. `SIMULATION=full` tries every command in every way, `SIMULATION=17:fails` the
 * one, and prints what was said.
 */
export async function sweep(scenario: Scenario): Promise<Sweep> {
  const wanted = process.env.SIMULATION ?? '';
  const [, onlyAt, onlyHow] = /^(\d+):(.+)$/.exec(wanted) ?? [];
  const { args } = scenario;
  const { points } = await on(scenario, (d) => d.run(args));
  const numbered = points.map((point, at) => ({ ...point, at }));
  const sample = [
    ...spread(
      numbered.filter((p) => p.isChange),
      DEFAULT.changes,
    ),
    ...spread(
      numbered.filter((p) => !p.isChange),
      DEFAULT.reads,
    ),
  ];
  const tries = wanted
    ? numbered.flatMap((point) => WAYS.map((how) => ({ ...point, how })))
    : sample.map((point, turn) => ({ ...point, how: WAYS[turn % WAYS.length] as How }));
  const missed: string[] = [];
  const needsPerson: string[] = [];
  const broken: string[] = [];
  const exitCodes = new Map<number, number>();
  let tried = 0;
  for (const fault of tries) {
    if (onlyAt && (String(fault.at) !== onlyAt || fault.how !== onlyHow)) continue;
    const where = `command ${fault.at}, ${fault.how}: ${fault.label.slice(0, 300)} (${fault.nth})`;
    tried += 1;
    try {
      const ended = await on(scenario, (d) => runAndCheck(d, args, { fault }));
      exitCodes.set(ended.exitCode, (exitCodes.get(ended.exitCode) ?? 0) + 1);
      if (!ended.struck) missed.push(where);
      if (ended.exitCode === 6) needsPerson.push(where);
      if (onlyAt) console.log(where, ended.text);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      broken.push(`${where}\n  ${onlyAt ? said : said.split('\n\n')[0]}`);
    }
  }
  return { commands: points.length, tried, missed, needsPerson, broken, exitCodes };
}

const spread = <T>(all: readonly T[], number: number): T[] =>
  all.filter((_, i) => Math.floor((i * number) / all.length) !== Math.floor(((i - 1) * number) / all.length));

async function on<T>({ given }: Scenario, use: (d: Deployment) => Promise<T>): Promise<T> {
  const d = new Deployment();
  try {
    await given(d);
    return await use(d);
  } finally {
    d.remove();
  }
}

export const summary = (what: string, { commands, tried, exitCodes }: Sweep): string => {
  const codes = [...exitCodes].sort(([a], [b]) => a - b).map(([code, number]) => `${number} × ${code}`);
  return `${what}: ${commands} commands, ${tried} points tried; exit codes ${codes.join(', ')}`;
};
