import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createFreshSandbox, type Sandbox } from '../sandbox/sandbox.ts';

export const REPO = path.join(import.meta.dirname, '../..');

export interface Timed {
  readonly text: string;
  readonly seconds: number;
  /** Peak resident memory, MB. */
  readonly memory: number;
}

/** A sandbox that is deployed, measured and removed again. */
export async function withSandbox(
  name: string,
  port: number,
  measure: (sandbox: Sandbox) => Promise<void>,
  like: 'plain' | 'real' = 'plain',
): Promise<void> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'wfops-bench-'));
  const ports = { http: port, direct: port + 1, postgres: port + 2, redis: port + 3, https: port + 4 };
  const sandbox = await createFreshSandbox({ name, root, ports, like });
  try {
    sandbox.writeEnv();
    const [program, ...args] = script(sandbox, 'deploy-prod-all', '--data', 'keep');
    execFileSync(program, args, { cwd: REPO, stdio: 'ignore' });
    await measure(sandbox);
  } finally {
    await sandbox.down();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Rows of about 150 bytes into a table of their own: 6 million are a gigabyte. */
export function fill(sandbox: Sandbox, rows: number): void {
  const sql = `DROP TABLE IF EXISTS bench_bulk;
    CREATE TABLE bench_bulk AS SELECT i, repeat(md5(i::text), 4) AS text FROM generate_series(1, ${rows}) AS i; CHECKPOINT;`;
  const psql = ['psql', '-q', '-U', 'whalefall_user', '-d', 'whalefall_prod'];
  execFileSync('docker', ['exec', '-i', `${sandbox.project}_postgres_prod`, ...psql], { input: sql });
}

/** A column more, after whatever came before. */
export function nextMigration(sandbox: Sandbox): Record<string, string> {
  const list = ['ls-tree', '--name-only', 'main', 'migrations/versions/'];
  const versions = execFileSync('git', ['--git-dir', sandbox.origin, ...list], { encoding: 'utf8' });
  const revisions = [...versions.matchAll(/(\d{14})_/g)].map(([, revision = '']) => revision);
  const newest = revisions.sort().at(-1) ?? '';
  const revision = String(Number(newest) + 1);
  const text = `from alembic import op

revision = "${revision}"
down_revision = "${newest}"


def upgrade():
    op.execute("ALTER TABLE notes ADD COLUMN bench_${revision} text")


def downgrade():
    op.execute("ALTER TABLE notes DROP COLUMN bench_${revision}")
`;
  return { [`migrations/versions/${revision}_bench.py`]: text };
}

/** The command line of a script of `scripts/`. */
export function script(sandbox: Sandbox, name: string, ...args: readonly string[]): [string, ...string[]] {
  const file = path.join(REPO, 'scripts', `${name}.ts`);
  return [process.execPath, '--import', 'tsx', file, '--lang', 'en', '--yes', '--dir', sandbox.deployDir, ...args];
}

/** Runs a program to its end. @throws when it does not end well */
export async function timed(argv: readonly [string, ...string[]]): Promise<Timed> {
  const started = performance.now();
  const [program, ...args] = argv;
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
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: exit code ${exitCode}\n${text}`);
  return { text, seconds: (performance.now() - started) / 1000, memory };
}

/** The middle one and the extremes, e.g. `2.8 s (2.7–3.1)`. */
export function spread(numbers: readonly number[], digits: number, unit: string): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const shown = (n: number | undefined) => (n ?? 0).toFixed(digits);
  const range = sorted.length > 1 ? ` (${shown(sorted[0])}–${shown(sorted.at(-1))})` : '';
  return `${shown(median(sorted))} ${unit}${range}`;
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What a boot can't do without. */
export async function importSeconds(sandbox: Sandbox): Promise<number> {
  const load = 'import sys; sys.path.insert(0, "."); import wsgi';
  return (await timed(['docker', 'exec', '-w', '/app', `${sandbox.project}_app_prod`, 'python3', '-c', load])).seconds;
}

/** How long the engine takes to start the application's container, and the application then until both health checks pass, with nothing else going on. */
export async function bootSeconds(sandbox: Sandbox): Promise<{ readonly start: number; readonly boot: number }> {
  const app = `${sandbox.project}_app_prod`;
  execFileSync('docker', ['stop', app]);
  const begun = performance.now();
  execFileSync('docker', ['start', app]);
  const started = performance.now();
  const checks = [`${sandbox.url}/api/v1/health/basic`, `${sandbox.directUrl}/api/v1/health`];
  const passes = async (url: string) => (await fetch(url).catch(() => undefined))?.ok === true;
  while (!(await Promise.all(checks.map(passes))).every(Boolean)) await pause(50);
  return { start: (started - begun) / 1000, boot: (performance.now() - started) / 1000 };
}
