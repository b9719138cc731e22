import { type ChildProcess, spawn } from 'node:child_process';
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
  /** A shell script that is run before it, in a mount namespace of their own: what it mounts is there for the two alone. */
  readonly mounts?: string;
}

/** A script that is under way. */
export interface Running {
  readonly pid: number;
  /** Resolves as soon as the output so far matches; rejects when the script ends without. */
  readonly shows: (pattern: RegExp) => Promise<void>;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<Ended>;
}

/** Runs a script of `scripts/` as a process of its own, as an operator would. */
export function runScript(name: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return launchScript(name, args, options).ended;
}

/** The same, for tests that do something in the middle of it. */
export function launchScript(name: string, args: readonly string[], options: RunOptions = {}): Running {
  const started = performance.now();
  const { root, words } = startOf(`scripts/${name}`);
  const node = [process.execPath, ...words, '--lang', 'en', ...args];
  const within =
    options.mounts === undefined ? [] : ['unshare', '-m', 'sh', '-ec', `${options.mounts}\nexec "$@"`, 'sh'];
  const [program = '', ...argv] = [...within, ...node];
  const child = spawn(program, argv, {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout?.on('data', (d: Buffer) => (text += d));
  child.stderr?.on('data', (d: Buffer) => (text += d));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, text, milliseconds: performance.now() - started }));
  });
  return {
    pid: child.pid ?? 0,
    shows: (pattern) => shows(child, pattern, () => text),
    signal: (signal) => child.kill(signal),
    ended,
  };
}

/** Node's words that start a program of this repository, by its path without an extension, and where. */
export function startOf(program: string): { readonly root: string; readonly words: readonly string[] } {
  const { COMPILED: compiled } = process.env;
  if (compiled) return { root: compiled, words: [path.join(compiled, `${program}.js`)] };
  return { root: REPO, words: ['--import', 'tsx', path.join(REPO, `${program}.ts`)] };
}

function shows(child: ChildProcess, pattern: RegExp, text: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => pattern.test(text()) && resolve();
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.on('close', () => reject(new Error(`ended without showing ${pattern}:\n${text()}`)));
    look();
  });
}
