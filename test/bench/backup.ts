/**
 * The README's figures of backups: `npm run bench -- backup`. The dump beside a plain pg_dump with the same compression, one after the
 * other in the same run, and what a whole backup with its trial takes.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { fill, median, script, spread, timed, withSandbox } from './shared.ts';

const TEN_MEGABYTES = 60_000;
const GIGABYTE = 6_000_000;

export async function benchBackup(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { rounds: { type: 'string', default: '3' } } });
  const rounds = Number(values.rounds);
  await withSandbox('wfops-backup', 28400, async (sandbox) => {
    console.log(
      '| database | dump | plain pg_dump | plain / ours | whole backup, proved | peak memory |\n|---|---|---|---|---|---|',
    );
    for (const [name, rows, times] of [
      ['10 MB', TEN_MEGABYTES, 1],
      ['1 GB', GIGABYTE, rounds],
    ] as const) {
      fill(sandbox, rows);
      await timed(plainDump(sandbox)); // from then on both read from memory
      const all: { plain: number; dump: number; whole: number; memory: number }[] = [];
      for (let n = 0; n < times; n += 1) {
        const plain = (await timed(plainDump(sandbox))).seconds;
        const { text, seconds, memory } = await timed(script(sandbox, 'backup-prod', 'create'));
        all.push({ plain, dump: dumpSeconds(text), whole: seconds, memory });
      }
      const of = (pick: (one: (typeof all)[number]) => number, digits: number, unit: string) =>
        spread(all.map(pick), digits, unit);
      const memory = median(all.map((a) => a.memory)).toFixed(0);
      console.log(
        `| ${name} | ${of((a) => a.dump, 1, 's')} | ${of((a) => a.plain, 1, 's')} | ${of((a) => a.plain / a.dump, 2, '')} | ${of((a) => a.whole, 1, 's')} | ${memory} MB |`,
      );
    }
  });
}

function plainDump(sandbox: Sandbox): [string, ...string[]] {
  const dump = 'docker exec "$1" pg_dump -w -Fc -Z1 -U whalefall_user -d whalefall_prod > "$2"';
  return ['sh', '-c', dump, 'sh', `${sandbox.project}_postgres_prod`, path.join(sandbox.dir, 'plain.dump')];
}

/** As the script's summary says it: `340 ms`, `9.8 s`, `1 min 05 s`. */
function dumpSeconds(text: string): number {
  const said = /^\s+dump\s+(?:(\d+) min )?([\d.]+) (ms|s),/m.exec(text);
  if (!said) throw new Error(`no dump in the summary:\n${text}`);
  const [, minutes = '0', number = '', unit] = said;
  return Number(minutes) * 60 + Number(number) / (unit === 'ms' ? 1000 : 1);
}
