import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Entry, parseJournal } from '../../core/journal.ts';
import type { Paths } from '../../core/ops.ts';
import { same, type Text } from '../../core/text.ts';
import { stamp } from '../../tools/files/durable.ts';
import { hasOpen } from '../../tools/files/open-files.ts';

/** A run as its journal tells it. */
export interface Run {
  /** The directory's name: `20260102T030405Z-<script>`. */
  readonly name: string;
  readonly dir: string;
  readonly script: string;
  /** RFC 3339; of the first entry. */
  readonly started: string | undefined;
  readonly user: string | undefined;
  readonly entries: readonly Entry[];
  /** The last entry had not been written whole. */
  readonly torn: boolean;
  readonly state: RunState;
}

export type RunState =
  | { readonly kind: 'running'; readonly at: Position }
  | { readonly kind: 'ended'; readonly exitCode: number; readonly verdict: Text }
  /** Its process is gone, and it had not said how it ended. */
  | { readonly kind: 'died'; readonly at: Position };

export interface Position {
  /** The step that was done, or undone, last. */
  readonly step: string | undefined;
  readonly undoing: boolean;
  /** Commands that had begun and did not say how they ended. */
  readonly open: readonly string[];
}

type Of<E extends Entry['event']> = Extract<Entry, { event: E }>;

/** Entries of one kind, in order. */
export function entriesOf<E extends Entry['event']>({ entries }: Pick<Run, 'entries'>, event: E): Of<E>[] {
  return entries.filter((e): e is Of<E> => e.event === event);
}

const runsDir = (paths: Pick<Paths, 'state'>) => path.join(paths.state, 'runs');

/**
 * The runs of the deploy directory, newest first, each read when it is asked for. Only reads, and takes no lock.
 *
 * @param matters by name and script; other runs are not even read.
 */
export function* eachRun(
  paths: Pick<Paths, 'state'>,
  matters: (name: string, script: string) => boolean = () => true,
): Generator<Run> {
  for (const name of namesOf(paths).reverse()) if (matters(name, scriptOf(name))) yield readRun(paths, name);
}

/** At most so many, newest first. */
export function newestRuns(paths: Pick<Paths, 'state'>, most: number, ofScript?: string): Run[] {
  const found: Run[] = [];
  for (const run of eachRun(paths, (_, script) => ofScript === undefined || script === ofScript)) {
    if (found.push(run) === most) break;
  }
  return found;
}

const scriptOf = (name: string) => name.replace(/^[^-]*-/, '');

/** Names of all runs, oldest first. */
function namesOf(paths: Pick<Paths, 'state'>): string[] {
  const dir = runsDir(paths);
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((e) => e.isDirectory() && /^\d{8}T\d{6}Z-/.test(e.name))
    .map((e) => e.name)
    .sort();
}

/**
 * The name of a run that starts now. It sorts after all that are there, also when the clock was set back since: else a success that
 * came before would hide that this one died. Call it under the lock.
 */
export function nextRunName(paths: Pick<Paths, 'state'>, script: string, now: number): string {
  const newest = Math.max(...namesOf(paths).map(startedAt).filter(Number.isFinite));
  const second = Math.floor(now / 1000) * 1000;
  return `${stamp(Math.max(second, newest + 1000))}-${script}`;
}

const startedAt = (name: string): number =>
  Date.parse(name.replace(/^(....)(..)(..)T(..)(..)(..)Z-.*$/s, '$1-$2-$3T$4:$5:$6Z'));

/** One run, as it is now. */
export function readRun(paths: Pick<Paths, 'state'>, name: string): Run {
  const dir = path.join(runsDir(paths), name);
  const first = readJournal(dir);
  const start = entriesOf(first, 'run-start')[0];
  // A run that gives way to others holds a lock of its own.
  const locks = ['lock', `lock-${start?.script}`].map((lock) => path.join(paths.state, lock));
  const alive = start !== undefined && locks.some((lock) => hasOpen(start.pid, lock));
  // Read again after its process was seen to be gone: it may have ended well in between.
  const { entries, torn } = alive || isOver(first) ? first : readJournal(dir);
  return {
    name,
    dir,
    script: start?.script ?? scriptOf(name),
    started: entries[0]?.at,
    user: start?.user,
    entries,
    torn: torn && !alive, // a line that is being written is not torn
    state: stateOf(entries, alive),
  };
}

function readJournal(dir: string) {
  const file = path.join(dir, 'journal');
  return parseJournal(existsSync(file) ? readFileSync(file, 'utf8') : '');
}

const isOver = (run: Pick<Run, 'entries'>) => entriesOf(run, 'run-end').length > 0;

function stateOf(entries: readonly Entry[], alive: boolean): RunState {
  const end = entriesOf({ entries }, 'run-end').at(-1);
  if (end) return { kind: 'ended', exitCode: end.exitCode, verdict: end.says ?? same(end.verdict) };
  return { kind: alive ? 'running' : 'died', at: positionIn(entries) };
}

function positionIn(entries: readonly Entry[]): Position {
  let step: string | undefined;
  let undoing = false;
  const open = new Map<number, string>();
  for (const e of entries) {
    if (e.event === 'step-start' || e.event === 'undo-start') step = e.step;
    if (e.event === 'undo-start') undoing = true;
    if (e.event === 'intent') open.set(e.seq, e.command);
    if (e.event === 'result') open.delete(e.of);
  }
  return { step, undoing, open: [...open.values()] };
}

/** Whether it had begun to change anything. */
export const hasChanged = (run: Run): boolean => run.entries.some((e) => e.event === 'intent');

/** Only steps that leave production as it is had begun. False where that was not written down. */
export function leftUntouched(run: Run): boolean {
  const begun = entriesOf(run, 'step-start');
  return begun.length > 0 && begun.every((step) => step.risk === 'none');
}

const leftFile = (run: Run) => path.join(run.dir, 'left');

/** An operator decided that things stay as this run left them. */
export const isLeft = (run: Run): boolean => existsSync(leftFile(run));

export const leave = (run: Run, at: number): void =>
  writeFileSync(leftFile(run), `${new Date(at).toISOString()}\n`, { mode: 0o600 });

const toldFile = (run: Run) => path.join(run.dir, 'told');

/** Of whoever tells that it was killed. @returns false where somebody did already, or it can't be written down that he does. */
export function claimTelling(run: Run, at: number): boolean {
  try {
    writeFileSync(toldFile(run), `${new Date(at).toISOString()}\n`, { mode: 0o600, flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** Nobody heard of it. */
export const dropTelling = (run: Run): void => rmSync(toldFile(run), { force: true });
