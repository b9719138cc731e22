/**
 * The README's figures of the hot update, measured again: `npm run bench -- update`. What users notice is measured by a load
 * from a process of its own, quiet and during the update in the same run; how quickly new code is everywhere, beside the
 * same done by hand.
 */
import { parseArgs } from 'node:util';
import type { LoadReport } from '../sandbox/load-report.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { MIXED, startLoad } from '../support/load.ts';
import { everywhere } from './everywhere.ts';
import { pause, script, spread, timed, withSandbox } from './shared.ts';

const QUIET_MS = 10_000;

export async function benchUpdate(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { rounds: { type: 'string', default: '3' } } });
  const rounds = Array.from({ length: Number(values.rounds) });
  await withSandbox('wfops-update', 28380, async (sandbox) => {
    const noticed: Noticed[] = [];
    for (const _ of rounds) noticed.push(await underLoad(sandbox));
    const { byHand, byScript } = await untilEverywhere(sandbox, rounds.length);
    const all = (pick: (n: Noticed) => number) => noticed.map(pick);

    console.log(
      `\n${rounds.length} round(s); 50 requests/s through nginx, every 25th takes 2 s, every 10th is a POST\n`,
    );
    console.log('| a release that takes 3 s to import | median (min–max) |\n|---|---|');
    console.log(
      `| requests during the update | ${spread(
        all((n) => n.during.sent),
        0,
        'sent',
      )} |`,
    );
    console.log(
      `| lost | ${spread(
        all((n) => n.during.failed),
        0,
        'failed',
      )} |`,
    );
    console.log(
      `| p99 quiet, ${QUIET_MS / 1000} s before | ${spread(
        all((n) => n.quiet.p99Ms),
        0,
        'ms',
      )} |`,
    );
    console.log(
      `| p99 during the update | ${spread(
        all((n) => n.during.p99Ms),
        0,
        'ms',
      )} |`,
    );
    console.log(
      `| p99 during / quiet | ${spread(
        all((n) => n.during.p99Ms / n.quiet.p99Ms),
        1,
        'times',
      )} |`,
    );
    console.log(
      `| slowest quiet | ${spread(
        all((n) => n.quiet.maxMs),
        0,
        'ms',
      )} |`,
    );
    console.log(
      `| slowest during the update | ${spread(
        all((n) => n.during.maxMs),
        0,
        'ms',
      )} |`,
    );
    console.log(
      `| longest time without an answer | ${spread(
        all((n) => n.during.longestGapMs),
        0,
        'ms',
      )} |`,
    );
    console.log(
      `| whole run, with 10 s of soak | ${spread(
        all((n) => n.seconds),
        1,
        's',
      )} |`,
    );
    console.log(
      `| peak memory of the script | ${spread(
        all((n) => n.memory),
        0,
        'MB',
      )} |`,
    );
    console.log('\n| from the start until every worker runs new code | median (min–max) |\n|---|---|');
    console.log(`| by hand: docker cp, supervisorctl signal HUP | ${spread(byHand, 1, 's')} |`);
    console.log(`| by the script, --soak 0 | ${spread(byScript, 1, 's')} |`);
  });
}

interface Noticed {
  readonly quiet: LoadReport;
  readonly during: LoadReport;
  readonly seconds: number;
  readonly memory: number;
}

/**
 * What users notice: for ten quiet seconds, and directly afterwards while a release comes that is slow to import. With new workers at first:
 * gunicorn replaces one after 1000 requests, at any time, and then requests wait for its import.
 */
async function underLoad(sandbox: Sandbox): Promise<Noticed> {
  await sandbox.release({});
  await timed(script(sandbox, 'update-prod-flask', '--soak', '0'));
  const url = `${sandbox.url}/api/v1/health/basic`;
  const before = await startLoad(url, ...MIXED);
  await pause(QUIET_MS);
  const quiet = await before.stop();
  await sandbox.release({ import_delay: 3 });
  const load = await startLoad(url, ...MIXED);
  let during: LoadReport | undefined;
  try {
    const { seconds, memory } = await timed(script(sandbox, 'update-prod-flask'));
    during = await load.stop();
    return { quiet, during, seconds, memory };
  } finally {
    if (during === undefined) await load.stop();
  }
}

/** Seconds until new code is everywhere, in turn by hand and by the script, so that both see the same machine. */
async function untilEverywhere(sandbox: Sandbox, rounds: number): Promise<{ byHand: number[]; byScript: number[] }> {
  const byHand: number[] = [];
  const byScript: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    byHand.push(await everywhere(sandbox, await newMarker(sandbox, `hand-${round}`), () => copyAndReload(sandbox)));
    const run = async () => void (await timed(script(sandbox, 'update-prod-flask', '--soak', '0')));
    byScript.push(await everywhere(sandbox, await newMarker(sandbox, `script-${round}`), run));
  }
  return { byHand, byScript };
}

async function newMarker(sandbox: Sandbox, marker: string): Promise<string> {
  await sandbox.release({ marker });
  return marker;
}

/** What somebody in a hurry types. It checks nothing, and leaves the scheduler and deleted files as they are. */
async function copyAndReload(sandbox: Sandbox): Promise<void> {
  const container = `${sandbox.project}_app_prod`;
  const commands = [
    `cd ${sandbox.deployDir}`,
    'git pull -q --ff-only',
    `git archive HEAD | docker cp - ${container}:/app`,
    `docker exec ${container} supervisorctl signal HUP whalefall_web`,
  ];
  await timed(['bash', '-ec', commands.join('\n')]);
}
