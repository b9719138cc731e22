import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { LoadReport } from '../../sandbox/load-report.ts';
import { MIXED, startLoad, startLoads, waysOf } from '../../support/load.ts';
import { type Ended, launchScript, type Running } from '../../support/run-script.ts';
import { thorough } from '../thorough.ts';
import { type Answer, answers } from './serving.ts';
import type { Stack } from './stack.ts';
import { look, type Traces } from './traces.ts';

export interface Run extends Ended {
  /** Of the health check through nginx. */
  readonly load: LoadReport;
  /** Of the other ways, by the names that a summary gives them. */
  readonly beside: Readonly<Record<string, LoadReport>>;
  readonly before: Traces;
  readonly after: Traces;
  /** Who answered directly after the end, each worker at least once; undefined if nobody did. */
  readonly answers: readonly Answer[] | undefined;
  /** The run's own directory, if it made one. */
  readonly directory: string | undefined;
  readonly journal: readonly JournalLine[];
}

export interface JournalLine {
  readonly event: string;
  readonly step?: string;
  readonly command?: string;
  readonly error?: string;
  readonly exitCode?: number;
}

export interface Options {
  /** What a test does while the script works. */
  readonly during?: (running: Running) => Promise<void>;
  /** Of the script, beside the test's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Mixed requests in a second: where they wait long, they are not to be more than can wait. */
  readonly rate?: number;
}

/**
 * Runs the update as an operator would, while users go on asking: 10 requests a second, some slow, some posts; in full 50, but not of the real
 * sandbox, which would have its workers recycled by that all the time. Of that, and in full, 5 by each other way, too.
 */
export const update = (stack: Stack, args: readonly string[] = [], options: Options = {}): Promise<Run> =>
  underLoad(stack, 'update-prod-flask', ['--soak', '1s', ...args], options);

/** The same with any script. */
export async function underLoad(
  stack: Stack,
  script: string,
  args: readonly string[],
  options: Options = {},
): Promise<Run> {
  const before = look(stack);
  const { rate = thorough && !stack.sandbox.isReal ? 50 : 10 } = options;
  const [load, others] = await Promise.all([
    startLoad(`${stack.sandbox.url}/api/v1/health/basic`, ...MIXED, '--rate', String(rate)),
    startLoads(stack.sandbox.isReal || thorough ? waysOf(stack.sandbox) : {}),
  ]);
  let report: LoadReport | undefined;
  try {
    const common = ['--dir', stack.sandbox.deployDir, '--config', stack.config, '--yes'];
    const running = launchScript(script, [...common, ...args], options.env ? { env: options.env } : {});
    // Whatever goes wrong in the middle, the script must have ended before the next case.
    const disturbed = (async () => options.during?.(running))().then(
      () => undefined,
      (error: unknown) => error,
    );
    const ended = await running.ended;
    const failure = await disturbed;
    if (failure !== undefined) throw failure;
    const seen = await whoAnswers(stack);
    const [mixed, beside] = await Promise.all([load.stop(), others.stop()]);
    report = mixed;
    const after = lookAfter(stack, ended.text);
    const directory = after.runs.filter((run) => !before.runs.includes(run)).find((run) => run.includes(script));
    const run: Run = { ...ended, load: report, beside, before, after, answers: seen, ...journalOf(stack, directory) };
    tell(`${script} ${args.join(' ')}`, run);
    return run;
  } finally {
    if (report === undefined) await Promise.all([load.stop(), others.stop()]);
  }
}

/** Where production is left down, what the run said of it is what counts. */
function lookAfter(stack: Stack, said: string): Traces {
  try {
    return look(stack);
  } catch (error) {
    throw new Error(said, { cause: error });
  }
}

async function whoAnswers(stack: Stack): Promise<readonly Answer[] | undefined> {
  try {
    return await answers(stack);
  } catch (error) {
    console.log(`nobody to be asked: ${error}`); // the judge says what was expected
    return undefined;
  }
}

function journalOf(stack: Stack, name: string | undefined): Pick<Run, 'directory' | 'journal'> {
  if (name === undefined) return { directory: undefined, journal: [] };
  const directory = path.join(stack.state, 'runs', name);
  const lines = readFileSync(path.join(directory, 'journal'), 'utf8').trim().split('\n');
  return { directory, journal: lines.map((line) => JSON.parse(line) as JournalLine) };
}

/** For whoever reads the log; nothing is judged by a time. */
function tell(what: string, run: Run): void {
  const { sent, failed, p99Ms, maxMs, outcomes } = run.load;
  const besides = Object.entries(run.beside).map(([way, r]) => `; ${way} ${r.sent} sent, ${r.failed} failed`);
  const steps = run.journal.filter((l) => l.event === 'step-done').map((l) => l.step);
  console.log(
    `${what}: exit code ${run.exitCode} after ${(run.milliseconds / 1000).toFixed(1)} s; steps ${steps.join(' ') || '-'}; ` +
      `load ${sent} sent, ${failed} failed ${JSON.stringify(outcomes)}, p99 ${p99Ms} ms, max ${maxMs} ms${besides.join('')}`,
  );
}

/** Whether the step was begun, and whether it came to its end. */
export const began = (run: Run, step: string): boolean =>
  run.journal.some((l) => l.event === 'step-start' && l.step === step);
export const finished = (run: Run, step: string): boolean =>
  run.journal.some((l) => l.event === 'step-done' && l.step === step);
