/**
 * The third promise, measured: `npm run bench -- real`. A life of releases on the miniature that is like the deployed application where
 * that hurts, and on the plain one beside it, while 10 requests a second come by each of five ways and workers recycle. What each run says in its
 * summary stands beside what these probes of their own counted; an update or a hot way back that lost a request, or a summary that says
 * something else of one of the ways, is exit code 1.
 *
 * In pieces: `--like real --life umf --keep`, then `--like real --life R` on what that left.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { LoadReport } from '../sandbox/load-report.ts';
import { createFreshSandbox, createSandbox, type Sandbox, type SandboxOptions } from '../sandbox/sandbox.ts';
import { startLoads, waysOf } from '../support/load.ts';
import { type Told, toldIn } from '../support/summary.ts';
import { importSeconds, nextMigration, REPO, script, timed } from './shared.ts';

/** Ten updates (three with a migration, two of the front end alone, one that changes nothing visible), three rebuilds, two ways back. */
const LIFE = 'umfuRmnuRfuRmBB';
interface Lived {
  readonly what: string;
  readonly seconds: number;
  /** By the probes of this bench, each way. */
  readonly outside: Readonly<Record<string, LoadReport>>;
  /** The container that served went on serving: then nothing may be lost. */
  readonly hot: boolean;
  /** By the script's own summary, each way. */
  readonly told: ReadonlyMap<string, Told>;
  /** Seconds of each step, as the script says them, by its id. */
  readonly steps: ReadonlyMap<string, number>;
}

export async function benchReal(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      like: { type: 'string', default: 'both' },
      life: { type: 'string', default: LIFE },
      keep: { type: 'boolean', default: false },
    },
  });
  const likes = values.like === 'both' ? (['real', 'plain'] as const) : ([values.like as 'real' | 'plain'] as const);
  const wrong: string[] = [];
  for (const like of likes) {
    const lived = await live(like, values.life, values.keep);
    show(like, lived);
    wrong.push(...lived.flatMap((step) => untrue(like, step)));
  }
  for (const line of wrong) console.error(line);
  if (wrong.length > 0) process.exitCode = 1;
}

async function live(like: 'real' | 'plain', life: string, keep: boolean): Promise<Lived[]> {
  const sandbox = await deployed(like, keep);
  try {
    const lived: Lived[] = [];
    for (const letter of life) lived.push(await step(sandbox, letter));
    console.log(`\n${like}: an import takes ${(await importSeconds(sandbox)).toFixed(1)} s by itself`);
    return lived;
  } finally {
    if (!keep) await sandbox.down();
  }
}

/** One that an earlier piece has kept is gone on with. */
async function deployed(like: 'real' | 'plain', keep: boolean): Promise<Sandbox> {
  const options: SandboxOptions = {
    name: `wfops-${like}`,
    root: path.join(os.tmpdir(), 'wfops-bench-real'),
    ports: { http: 28580, direct: 28581, postgres: 28582, redis: 28583, https: 28584 },
    like,
  };
  const sandbox = await (keep ? createSandbox(options) : createFreshSandbox(options));
  const runs = execFileSync('docker', ['ps', '-q', '--filter', `name=^${sandbox.project}_app_prod$`], {
    encoding: 'utf8',
  });
  if (runs.trim() !== '') return sandbox;
  sandbox.writeEnv();
  const [program, ...words] = script(sandbox, 'deploy-prod-all', '--data', 'keep');
  execFileSync(program, words, { cwd: REPO, stdio: 'ignore' });
  return sandbox;
}

async function step(sandbox: Sandbox, letter: string): Promise<Lived> {
  const { what, argv } = await prepare(sandbox, letter);
  const health = '/api/v1/health/basic';
  const ways = { nginx: sandbox.url + health, direct: sandbox.directUrl + health, ...waysOf(sandbox) };
  const loads = await startLoads(ways, 10);
  try {
    const { text, seconds } = await timed(argv);
    const outside = await loads.stop();
    const hot = !/^\s+production was down {2}/m.test(text);
    return { what, seconds, outside, hot, told: toldIn(text), steps: stepsOf(sandbox) };
  } catch (error) {
    await loads.stop();
    throw error;
  }
}

/** Of the newest run. */
function stepsOf(sandbox: Sandbox): ReadonlyMap<string, number> {
  const runs = path.join(sandbox.deployDir, '.whalefall-ops/runs');
  const newest = readdirSync(runs).sort().at(-1) ?? '';
  const events = readFileSync(path.join(runs, newest, 'journal'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { event: string; step: string; milliseconds: number });
  return new Map(events.flatMap((e) => (e.event === 'step-done' ? [[e.step, e.milliseconds / 1000]] : [])));
}

async function prepare(sandbox: Sandbox, letter: string): Promise<{ what: string; argv: [string, ...string[]] }> {
  const update = script(sandbox, 'update-prod-flask');
  const stamp = Date.now().toString(36);
  switch (letter) {
    case 'u':
      await sandbox.release({ marker: `code-${stamp}` });
      return { what: 'update: code', argv: update };
    case 'm':
      await sandbox.release({ files: nextMigration(sandbox), marker: `schema-${stamp}` });
      return { what: 'update: with a migration', argv: update };
    case 'f':
      await sandbox.release({ files: { 'frontend/src/version.txt': stamp }, message: 'The front end alone' });
      return { what: 'update: front end alone', argv: update };
    case 'n':
      await sandbox.release({ files: { 'docs/notes.md': `${stamp}\n` }, message: 'Nothing visible' });
      return { what: 'update: nothing visible', argv: update };
    case 'R':
      await sandbox.release({ marker: `whole-${stamp}` });
      await sandbox.pull();
      return {
        what: 'rebuild, data kept',
        argv: script(sandbox, 'deploy-prod-all', '--data', 'keep'),
      };
    case 'B':
      return {
        what: 'rollback to the one before',
        argv: script(sandbox, 'rollback-prod', 'previous'),
      };
    default:
      throw new Error(`--life has no ${letter}: u, m, f, n, R, B`);
  }
}

const failedOutside = ({ outside }: Lived): number => Object.values(outside).reduce((sum, r) => sum + r.failed, 0);

/**
 * An update that loses something, and a summary that does not say of a way what was counted from outside: how many were lost, and how long one
 * waited. This asks 10 times a second, the run 5 times.
 */
function untrue(like: string, lived: Lived): string[] {
  const { what, hot, told, outside } = lived;
  const failed = failedOutside(lived);
  return [
    ...(hot && failed > 0 ? [`${like}, ${what}: ${failed} requests were lost`] : []),
    ...Object.entries(outside).flatMap(([way, counted]) => {
      const said = told.get(way);
      if (said === undefined) return [`${like}, ${what}: the summary does not count ${way}`];
      const differs = (a: number, b: number, by: number) => Math.abs(a - b) > by;
      return [
        ...(differs(said.failed, counted.failed, counted.failed > 0 ? SLACK.failed : 0)
          ? [`${like}, ${what}: of ${way} the summary says ${said.failed} failed, and ${counted.failed} did`]
          : []),
        ...(differs(said.longestMs, counted.maxMs, Math.max(SLACK.milliseconds, SLACK.share * counted.maxMs))
          ? [`${like}, ${what}: of ${way} the summary says ${said.longestMs} ms, and one waited ${counted.maxMs} ms`]
          : []),
      ];
    }),
  ];
}

/** Of 10 a second, what two rhythms differ by, and two processes that wait for a processor. */
const SLACK = { failed: 5, milliseconds: 1000, share: 0.2 } as const;

function show(like: string, lived: readonly Lived[]): void {
  console.log(`\n${like}: 10 requests/s by each of ${Object.keys(lived[0]?.outside ?? {}).join(', ')}\n`);
  console.log('| | whole run | failed/sent, longest wait, outside | by the summary |');
  console.log('|---|---|---|---|');
  for (const step of lived) {
    const reports = Object.values(step.outside).map(({ failed, sent, maxMs }) => ({ failed, sent, longestMs: maxMs }));
    const columns = [reports, [...step.told.values()]].map(together);
    console.log(`| ${step.what} | ${step.seconds.toFixed(1)} s | ${columns.join(' | ')} |`);
  }
  const ids = [...new Set(lived.flatMap(({ steps }) => [...steps.keys()]))];
  console.log(`\n| seconds | ${ids.join(' | ')} | before and after them |`);
  console.log(`|---|${ids.map(() => '---|').join('')}---|`);
  for (const { what, seconds, steps } of lived) {
    const rest = seconds - [...steps.values()].reduce((sum, s) => sum + s, 0);
    console.log(`| ${what} | ${ids.map((id) => steps.get(id)?.toFixed(1) ?? '').join(' | ')} | ${rest.toFixed(1)} |`);
  }
}

function together(ways: readonly Told[]): string {
  const sum = (pick: (told: Told) => number) => ways.reduce((all, one) => all + pick(one), 0);
  const longest = Math.max(...ways.map((w) => w.longestMs)) / 1000;
  return `${sum((w) => w.failed)}/${sum((w) => w.sent)}, ${longest.toFixed(1)} s`;
}
