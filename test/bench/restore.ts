/**
 * The README's figures of the restore, measured again: `npm run bench -- restore`. A load from a process of its own reads from the database
 * through nginx 20 times a second while the script restores, swaps and proves.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { startLoad } from '../support/load.ts';
import { pause, script, timed, withSandbox } from './shared.ts';

const REPO = path.join(import.meta.dirname, '../..');
const NAME = 'whalefall_prod';

/** Bytes that one row of the filling takes on disk. */
const ROW_BYTES = 160;

export async function benchRestore(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      /** Megabytes of each database. */
      sizes: { type: 'string', default: '10,1000' },
      port: { type: 'string', default: '28180' },
      name: { type: 'string', default: 'wfops-bench' },
    },
  });
  await withSandbox(values.name, Number(values.port), async (sandbox) => {
    console.log(
      '| database | longest without an answer | requests failed | restore and compare | swap | whole run | peak memory |',
    );
    console.log('|---|---|---|---|---|---|---|');
    for (const megabytes of values.sizes.split(',').map(Number)) {
      const bytes = fill(sandbox, megabytes);
      backUp(sandbox);
      console.log(await measured(sandbox, bytes));
      forget(sandbox);
    }
  });
}

/** Restores under load; a row of the table. */
async function measured(sandbox: Sandbox, bytes: number): Promise<string> {
  const load = await startLoad(`${sandbox.url}/api/v1/notes`, '--rate', '20');
  await pause(1000);
  const run = await timed(script(sandbox, 'restore-prod', '--confirm', `RESTORE ${NAME}`)).finally(() => pause(1000));
  const { sent, failed, longestOutageMs, maxMs } = await load.stop();
  const took = (title: string) =>
    new RegExp(`${title}.*\\n +done ((?:\\d+ min )?[\\d.]+ m?s)`).exec(run.text)?.[1] ?? '?';
  const longest = (Math.max(longestOutageMs, maxMs) / 1000).toFixed(2);
  return `| ${(bytes / 1e6).toFixed(0)} MB | ${longest} s | ${failed} of ${sent} | ${took('Restore the backup')} | ${took('Swap the names')} | ${run.seconds.toFixed(1)} s | ${run.memory.toFixed(0)} MB |`;
}

/** Rows that compress about as well as names and messages do. */
function fill(sandbox: Sandbox, megabytes: number): number {
  const rows = Math.max(0, Math.round((megabytes * 1e6 - 8.5e6) / ROW_BYTES));
  sql(
    sandbox,
    `DROP TABLE IF EXISTS bench_bulk; CREATE TABLE bench_bulk AS SELECT i, md5(random()::text) || repeat(md5(i::text), 3) AS text
      FROM generate_series(1, ${rows}) AS i; ALTER TABLE bench_bulk ADD PRIMARY KEY (i)`,
  );
  return Number(sql(sandbox, `SELECT pg_database_size('${NAME}')`));
}

/** Everything that the last round left would make the next one's backup larger. */
function forget(sandbox: Sandbox): void {
  const left = sql(sandbox, `SELECT datname FROM pg_database WHERE datname LIKE '${NAME}\\_before\\_%'`);
  for (const name of left.split('\n').filter(Boolean)) sql(sandbox, `DROP DATABASE "${name}"`);
}

function backUp(sandbox: Sandbox): void {
  const file = path.join(REPO, 'test/support/take-backup.ts');
  const args = ['--import', 'tsx', file, '--lang', 'en', '--dir', sandbox.deployDir];
  execFileSync(process.execPath, args, { cwd: REPO, stdio: 'ignore' });
}

function sql(sandbox: Sandbox, statements: string): string {
  const psql = ['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-U', 'whalefall_user', '-d', NAME];
  const args = ['exec', '-i', `${sandbox.project}_postgres_prod`, ...psql];
  return execFileSync('docker', args, { encoding: 'utf8', input: statements }).trim();
}
