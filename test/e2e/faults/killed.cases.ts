import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LoadReport } from '../../sandbox/load-report.ts';
import { MIXED, startLoad } from '../../support/load.ts';
import { launchScript, runScript } from '../../support/run-script.ts';
import { some, thorough } from '../thorough.ts';
import { pause, stepBegins } from '../update/disturb.ts';
import type { Stack } from '../update/stack.ts';
import { SUBJECTS, type Subject } from './subjects.ts';
import { databasesBeside, hba, helpers, lastStepOf, saved } from './world.ts';

const KILLS = Number(process.env.FAULTS_KILLS ?? (thorough ? 30 : 1));
const SEED = Number(process.env.FAULTS_SEED ?? Date.now() % 100_000);
/** What the killed run had begun may hold the lock for a while. */
const PATIENCE = ['--lock-wait', '180s'];

/** A script is killed outright at any moment; whoever starts it again is told, and gets what was asked for. */
export function killedCases(stack: () => Stack): void {
  it.each(some(SUBJECTS))(
    'SIGKILL of $script ($what) at any moment: the next start makes it good',
    async (subject) => {
      let stages = await undisturbed(stack(), subject);
      const steps: string[] = [];
      let [sent, failed] = [0, 0];
      for (const [which, part] of fc.sample(RANDOM, { seed: SEED, numRuns: KILLS })) {
        const stage = stages[which % stages.length] as Stage;
        const ended = await killedAndStartedAgain(stack(), subject, stage, part / 1000);
        stages = ended.stages ?? stages;
        steps.push(ended.step);
        sent += ended.load.sent;
        failed += ended.load.failed;
        // A long series that is cut short has still shown something.
        console.log(`kill ${steps.length} of ${KILLS}: at ${ended.step}; requests ${failed} failed of ${sent}`);
      }
      console.log(
        `SIGKILL of ${subject.script} (${subject.what}): ${KILLS} kills, seed ${SEED}; ` +
          `at ${count(steps)}; every next start exit 0; requests ${failed} failed of ${sent}`,
      );
    },
    7_200_000,
  );
}

/** A part of a run: what comes before the first step, or a step. */
interface Stage {
  readonly step?: string;
  readonly milliseconds: number;
}

/** Each part of a run as likely as any other, however short, and in it any moment. */
const RANDOM = fc.tuple(fc.noBias(fc.nat()), fc.noBias(fc.nat(1000)));

/** The parts of a run that nobody kills. */
async function undisturbed(stack: Stack, subject: Subject): Promise<readonly Stage[]> {
  const args = await subject.prepare(stack);
  const ended = await runScript(subject.script, [...common(stack), ...args]);
  expect(ended.exitCode, ended.text).toBe(0);
  await subject.expectDone(stack);
  return stagesOf(stack, ended.milliseconds);
}

/** The parts of the newest run, which took so long from start to end. */
function stagesOf(stack: Stack, milliseconds: number): readonly Stage[] {
  const done = /"event":"step-done","step":"([\w-]+)","milliseconds":(\d+)/g;
  const steps = [...journalOf(stack, runsOf(stack).at(-1) ?? '').matchAll(done)].map(
    ([, step = '', took]): Stage => ({ step, milliseconds: Number(took) }),
  );
  return [{ milliseconds: milliseconds - steps.reduce((sum, s) => sum + s.milliseconds, 0) }, ...steps];
}

/** @returns how far the killed run had come, and the parts of the one after it, if there was one. */
async function killedAndStartedAgain(stack: Stack, subject: Subject, { step: at, milliseconds }: Stage, part: number) {
  const args = await subject.prepare(stack);
  const moment = Math.round(milliseconds * part);
  const note = `before the kill ${moment} ms after ${at ?? 'the start'}, ${Date.now()}`;
  stack.sql(`INSERT INTO notes (text) VALUES ('${note}')`);
  const rules = hba(stack);
  const load = await startLoad(`${stack.sandbox.url}/api/v1/health/basic`, ...MIXED);
  let report: LoadReport | undefined;
  let stages: readonly Stage[] | undefined;
  try {
    const before = runsOf(stack);
    const running = launchScript(subject.script, [...common(stack), '--json', ...args]);
    // A run that ends without that step is judged like any other.
    if (at !== undefined) await stepBegins(running, at).catch(() => undefined);
    await pause(moment);
    running.signal('SIGKILL');
    const killed = await running.ended;
    const what = `${note}:\n${killed.text}\n---- then:\n`;
    const left = killed.exitCode === null ? runsOf(stack).find((run) => !before.includes(run)) : undefined;
    const step = left === undefined ? 'no step' : lastStepOf(path.join(stack.state, 'runs', left));

    // What has come to its end was not killed: a second way back to the same release would be refused.
    const over = killed.exitCode === 0 || (left && journalOf(stack, left).includes('"event":"run-end","exitCode":0'));
    if (!over) {
      const next = await runScript(subject.script, [...common(stack), ...PATIENCE, ...args]);
      expect(next.exitCode, what + next.text).toBe(0);
      stages = stagesOf(stack, next.milliseconds);
      if (left !== undefined && journalOf(stack, left).includes('"event":"intent"')) {
        expect(next.text, what).toMatch(new RegExp(`Run ${left} \\(.*\\) did not end: its process is gone`));
      }
    }
    report = await load.stop();
    await subject.expectDone(stack);
    expect(saved(stack, note), `${note} is in use, beside, or in a backup that was restored and compared`).toBe(true);
    if (!subject.newCluster) expect(hba(stack), 'pg_hba.conf').toBe(rules);
    expect(hba(stack)).not.toMatch(/^host\s+all\s+all\s+(?!127\.0\.0\.1|::1)\S+\s+trust/m);
    expect(helpers(stack), 'containers that are nobody’s').toEqual([]);
    databasesBeside(stack, 'drop');
    return { step, stages, load: report };
  } finally {
    if (report === undefined) await load.stop();
  }
}

const common = (stack: Stack) => ['--dir', stack.sandbox.deployDir, '--config', stack.config, '--yes'];

const runsOf = (stack: Stack): string[] => readdirSync(path.join(stack.state, 'runs')).sort();

function journalOf(stack: Stack, run: string): string {
  const journal = path.join(stack.state, 'runs', run, 'journal');
  return existsSync(journal) ? readFileSync(journal, 'utf8') : '';
}

function count(steps: readonly string[]): string {
  const names = [...new Set(steps)];
  return names.map((name) => `${name} × ${steps.filter((s) => s === name).length}`).join(', ');
}
