/**
 * The README's figures of the full rebuild, measured again: `npm run bench`. A load from a process of its own asks the basic
 * health check through nginx 20 times a second while the script works. Beside each figure stands the same done by hand,
 * in the same run. `--gigabyte` measures only what a database of that size changes.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { startLoad } from '../support/load.ts';
import { fill, median, pause, script, spread, timed, withSandbox } from './shared.ts';

interface Measured {
  /** Longest time without a successful answer, seconds, as the load saw it. */
  readonly outage: number;
  readonly seconds: number;
  readonly memory: number;
  /** What the script itself said it took to look around, ms. */
  readonly survey: number;
}

export async function benchRebuild(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { rounds: { type: 'string', default: '3' }, gigabyte: { type: 'boolean', default: false } },
  });
  await withSandbox('wfops-bench', 28180, async (sandbox) => {
    const several = async (argv: readonly [string, ...string[]], times = Number(values.rounds)) => {
      const all: Measured[] = [];
      for (let i = 0; i < times; i += 1) all.push(await measured(sandbox, argv));
      return all;
    };
    const keep = script(sandbox, 'deploy-prod-all', '--data', 'keep');
    const deleting = script(sandbox, 'deploy-prod-all', '--data', 'delete', '--confirm', 'DELETE ALL DATA');
    console.log('| | outage, median (min–max) | whole run | survey | peak memory |\n|---|---|---|---|---|');
    if (values.gigabyte) {
      fill(sandbox, 6_000_000);
      return row('data kept, database of 1 GB', await several(keep));
    }
    row('only the container replaced, by hand', await several(byHand(sandbox)));
    row('data kept', await several(keep));
    row('data deleted', await several(deleting));
    // Another name each time: the engine knows what it has built before, also for another run of this.
    const slow = () => sandbox.release({ build_delay: 30, marker: `slow-${Date.now()}` });
    await slow();
    await sandbox.pull();
    row('data kept, build 30 s longer', await several(keep, 1));
    await slow();
    await sandbox.pull();
    row('data deleted, build 30 s longer', await several(deleting, 1));
  });
}

const byHand = (sandbox: Sandbox): [string, ...string[]] => [
  ...(['docker', 'compose', '-f', path.join(sandbox.deployDir, 'docker-compose.prod.yml')] as const),
  ...['--project-directory', sandbox.deployDir, 'up', '-d', '--no-deps', '--no-build', '--force-recreate', 'whalefall'],
];

/** Runs a program under load. */
async function measured(sandbox: Sandbox, argv: readonly [string, ...string[]]): Promise<Measured> {
  const load = await startLoad(`${sandbox.url}/api/v1/health/basic`, '--rate', '20', '--timeout', '2000');
  await pause(1000);
  const { text, seconds, memory } = await timed(argv).catch(async (error: unknown) => {
    await load.stop();
    throw error;
  });
  await serving(sandbox);
  const { longestOutageMs } = await load.stop();
  return { outage: longestOutageMs / 1000, seconds, memory, survey: Number(/survey\s+(\d+) ms/.exec(text)?.[1] ?? 0) };
}

async function serving(sandbox: Sandbox): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const ok = await fetch(`${sandbox.url}/api/v1/health/basic`).then(
      (r) => r.ok,
      () => false,
    );
    if (ok) return;
    await pause(100);
  }
}

function row(what: string, all: readonly Measured[]): void {
  const middle = (pick: (m: Measured) => number) => median(all.map(pick)).toFixed(0);
  const outage = spread(
    all.map((m) => m.outage),
    1,
    's',
  );
  console.log(
    `| ${what} | ${outage} | ${middle((m) => m.seconds)} s | ${middle((m) => m.survey)} ms | ${middle((m) => m.memory)} MB |`,
  );
}
