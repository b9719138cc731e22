import { spawn } from 'node:child_process';
import path from 'node:path';

const REPO = path.join(import.meta.dirname, '../..');

export interface Ended {
  readonly exitCode: number | null;
  /** stdout and stderr as a person would see them. */
  readonly text: string;
  readonly milliseconds: number;
}

export interface RunOptions {
  /** Given to stdin and closed; without it stdin is closed at once. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a script of `scripts/` as a process of its own, as an operator would. */
export function runScript(name: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const started = performance.now();
  const script = path.join(REPO, 'scripts', `${name}.ts`);
  const child = spawn(process.execPath, ['--import', 'tsx', script, '--lang', 'en', ...args], {
    cwd: REPO,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout?.on('data', (d: Buffer) => (text += d));
  child.stderr?.on('data', (d: Buffer) => (text += d));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, text, milliseconds: performance.now() - started }));
  });
}
