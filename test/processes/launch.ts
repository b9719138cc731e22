import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { asTyped } from '../../lib/core/run.ts';
import { removeWhole } from '../support/remove.ts';
import { startOf } from '../support/run-script.ts';

const REPO = path.join(import.meta.dirname, '../..');

/** A process, or a terminal with one in it. */
export interface Launched {
  readonly child: ChildProcess;
  readonly text: () => string;
  readonly shows: (pattern: RegExp) => Promise<void>;
  /** What is typed, or sent to stdin. */
  readonly type: (text: string) => void;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly text: string }>;
}

/** A deploy directory that goes with the test, once nothing works in it any more: a run whose terminal was closed goes on to its end. */
export function deployDir(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-processes-'));
  onTestFinished(async () => {
    letGo(dir, 'work');
    letGo(dir, 'undo');
    await until(() => isFree(dir), 'the last run in it has ended');
    await removeWhole(dir);
  });
  return dir;
}

const args = (dir: string, more: readonly string[]) => ['--dir', dir, '--lang', 'en', ...more];

/** A script of this directory as a process without a terminal; on request another user's. */
export function launch(script: string, dir: string, more: readonly string[] = [], uid?: number): Launched {
  const as = uid === undefined ? {} : { uid, gid: uid };
  const { root, words } = startOf(`test/processes/${script}`);
  return watch(spawn(process.execPath, [...words, ...args(dir, more)], { cwd: root, ...as }));
}

/** The same in a terminal of its own. Killing the child closes the terminal. */
export function inTerminal(script: string, dir: string, more: readonly string[] = []): Launched {
  return typed([process.execPath, ...startOf(`test/processes/${script}`).words, ...args(dir, more)]);
}

/** The same as the README has it. npx and tsx take their time to start, and to hear a signal. */
export const asOperatorsDo = (script: string, dir: string, more: readonly string[] = []): Launched =>
  typed(['npx', 'tsx', path.join(import.meta.dirname, `${script}.ts`), ...args(dir, more)]);

function typed(argv: readonly string[]): Launched {
  const line = `exec ${asTyped(argv)}`;
  return watch(spawn('script', ['-qefc', line, '/dev/null'], { cwd: REPO, env: { ...process.env, TERM: 'xterm' } }));
}

function watch(child: ReturnType<typeof spawn>): Launched {
  let text = '';
  const looks = new Set<() => void>();
  const hear = (chunk: Buffer) => {
    text += chunk;
    for (const look of looks) look();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<{ exitCode: number | null; text: string }>((resolve) => {
    child.on('close', (exitCode) => resolve({ exitCode, text }));
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    child,
    text: () => text,
    type: (typed) => void child.stdin?.write(typed),
    ended,
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => pattern.test(text) && resolve();
        looks.add(look);
        look();
        void ended.then(() => reject(new Error(`ended without ${pattern}:\n${text}`)));
      }),
  };
}

/** What the newest run's directory has in a file; '' before it is there. */
export function ofRun(dir: string, file: 'journal' | 'log'): string {
  try {
    const runs = path.join(dir, '.whalefall-ops', 'runs');
    return readFileSync(path.join(runs, readdirSync(runs).sort().at(-1) ?? '', file), 'utf8');
  } catch {
    return '';
  }
}

/** The command that the stub was told to hold runs: in the moment of its start a terminal's Ctrl-C would still reach it, and end it. */
export const works = (dir: string): Promise<void> =>
  until(() => existsSync(path.join(dir, 'work.on')), 'the command has begun');

/** Ends the command that the stub was told to hold. */
export const letGo = (dir: string, what: 'work' | 'undo'): void => writeFileSync(path.join(dir, `${what}.go`), '');

/** Whether neither a run nor a command of one holds the directory. */
export function isFree(dir: string): boolean {
  const lock = path.join(dir, '.whalefall-ops', 'lock');
  return !existsSync(lock) || spawnSync('flock', ['-n', lock, 'true']).status === 0;
}

/** Waits until something is so, for five minutes: on a busy machine all takes many times as long. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 300_000;
  while (performance.now() < end) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not so after five minutes: ${what}`);
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
