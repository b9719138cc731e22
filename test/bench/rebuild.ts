/**
 * The README's figures, measured again: `npm run bench`. A load from a process of its own asks the basic health check through
 * nginx 20 times a second while the script works. Beside each figure stands the same done by hand, in the same run.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createSandbox, type Sandbox } from '../sandbox/sandbox.ts';

const REPO = path.join(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, gigabyte: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);
const root = mkdtempSync(path.join(os.tmpdir(), 'wfops-bench-'));

interface Measured {
  /** Longest time without a successful answer, seconds, as the load saw it. */
  readonly outage: number;
  readonly seconds: number;
  /** Peak resident memory of the script, MB. */
  readonly memory: number;
  /** What the script itself said it took to look around, ms. */
  readonly survey: number;
}

function load(sandbox: Sandbox) {
  const url = `${sandbox.url}/api/v1/health/basic`;
  const script = path.join(REPO, 'test/sandbox/load.ts');
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, '--url', url, '--rate', '20', '--timeout', '2000'],
    {
      cwd: REPO,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.on('data', (d: Buffer) => (text += d));
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return async (): Promise<{ longestOutageMs: number }> => {
    child.kill('SIGTERM');
    await ended;
    return JSON.parse(text.slice(text.indexOf('{'))) as { longestOutageMs: number };
  };
}

/** Runs a program under load. */
async function measured(sandbox: Sandbox, argv: readonly string[]): Promise<Measured> {
  const stop = load(sandbox);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const started = performance.now();
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd: REPO, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (d: Buffer) => (text += d));
  let memory = 0;
  const watch = setInterval(() => {
    try {
      const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
      memory = Math.max(memory, Number(peak ?? 0) / 1000);
    } catch {
      // ended
    }
  }, 100);
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(watch);
  const seconds = (performance.now() - started) / 1000;
  await serving(sandbox);
  const { longestOutageMs } = await stop();
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: exit code ${exitCode}\n${text}`);
  return { outage: longestOutageMs / 1000, seconds, memory, survey: Number(/survey\s+(\d+) ms/.exec(text)?.[1] ?? 0) };
}

async function serving(sandbox: Sandbox): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const ok = await fetch(`${sandbox.url}/api/v1/health/basic`).then(
      (r) => r.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const row = (what: string, all: readonly Measured[]) => {
  const sorted = (pick: (m: Measured) => number) => all.map(pick).sort((a, b) => a - b);
  const outages = sorted((m) => m.outage);
  const median = (list: readonly number[]) => list[Math.floor(list.length / 2)] ?? 0;
  const whole = median(sorted((m) => m.seconds)).toFixed(0);
  const survey = median(sorted((m) => m.survey)).toFixed(0);
  console.log(
    `| ${what} | ${median(outages).toFixed(1)} s (${outages[0]?.toFixed(1)}–${outages.at(-1)?.toFixed(1)}) | ${whole} s | ${survey} ms | ${median(sorted((m) => m.memory)).toFixed(0)} MB |`,
  );
};

const sandbox = await createSandbox({
  name: 'wfops-bench',
  root,
  ports: { http: 28180, direct: 28181, postgres: 28182, redis: 28183 },
});
const script = (...args: string[]) =>
  [
    process.execPath,
    '--import',
    'tsx',
    path.join(REPO, 'scripts/deploy-prod-all.ts'),
    '--lang',
    'en',
    '--yes',
    '--dir',
    sandbox.deployDir,
    ...args,
  ] as const;
const byHand = [
  'docker',
  'compose',
  '-f',
  path.join(sandbox.deployDir, 'docker-compose.prod.yml'),
  '--project-directory',
  sandbox.deployDir,
  'up',
  '-d',
  '--no-deps',
  '--no-build',
  '--force-recreate',
  'whalefall',
] as const;
const several = async (argv: readonly string[], times = rounds) => {
  const all: Measured[] = [];
  for (let i = 0; i < times; i += 1) all.push(await measured(sandbox, argv));
  return all;
};

try {
  sandbox.writeEnv();
  execFileSync(script()[0], script('--data', 'keep').slice(1), { cwd: REPO, stdio: 'ignore' });
  console.log('| | outage, median (min–max) | whole run | survey | peak memory |\n|---|---|---|---|---|');
  row('only the container replaced, by hand', await several(byHand));
  row('data kept', await several(script('--data', 'keep')));
  const deleting = script('--data', 'delete', '--confirm', 'DELETE ALL DATA');
  row('data deleted', await several(deleting));
  await sandbox.release({ build_delay: 30 });
  await sandbox.pull();
  row('data kept, build 30 s longer', await several(script('--data', 'keep'), 1));
  await sandbox.release({ build_delay: 30, marker: 'again' });
  await sandbox.pull();
  row('data deleted, build 30 s longer', await several(deleting, 1));
  if (values.gigabyte) {
    await sandbox.release();
    await sandbox.pull();
    fillWithGigabyte();
    row('data kept, database of 1 GB', await several(script('--data', 'keep'), 1));
  }
} finally {
  await sandbox.down();
  rmSync(root, { recursive: true, force: true });
}

function fillWithGigabyte(): void {
  const sql = `CREATE TABLE bench_bulk AS SELECT i, repeat(md5(i::text), 4) AS text FROM generate_series(1, 6000000) AS i`;
  execFileSync(
    'docker',
    ['exec', '-i', `${sandbox.project}_postgres_prod`, 'psql', '-q', '-U', 'whalefall_user', '-d', 'whalefall_prod'],
    { input: sql },
  );
}
