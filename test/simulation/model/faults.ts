import { createHash } from 'node:crypto';
import type { Call } from './process.ts';

/**
 * What goes wrong at a command: it fails without having done anything; it is killed, before or after it has done its work; it never ends,
 * without or with its work done, until its deadline; Ctrl-C comes while it runs, before or after it has done its work; the script itself
 * is killed outright, together with the command, or the command goes on to its end; the application's container dies, and the engine
 * starts it again: what the command says comes at once, or when all has long been started again (a machine under load).
 */
export type How =
  | 'fails'
  | 'dies'
  | 'dies-after'
  | 'hangs'
  | 'hangs-after'
  | 'interrupt'
  | 'interrupted-after'
  | 'killed'
  | 'killed-after'
  | 'container-dies'
  | 'container-died';

/** The exit code of a process that was killed outright. */
export const KILLED = 128 + 9;

/** A command of a run, found again in another run of the same kind: its text without ids and times, and the how-manieth it is. */
export interface Point {
  readonly label: string;
  readonly nth: number;
  /** The library says that it changes something: such a command inherits the lock. */
  readonly isChange: boolean;
}

/** Words that differ from run to run. */
const CHANGING: readonly [RegExp, string][] = [
  [/\d{8}[Tt]\d{6}[Zz]?/g, '<time>'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z?/g, '<time>'],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, '<uuid>'],
  [/[0-9a-f]{12,64}/g, '<id>'],
  [/pid [0-9]+/g, 'pid'],
];

const steady = (text: string) => CHANGING.reduce((t, [what, name]) => t.replace(what, name), text);

/** @param forget what else differs between two runs: the deploy directory. */
export function labelOf(call: Call, forget: string): string {
  const typed = steady(call.argv.join(' ').replaceAll(forget, '<dir>')).replace(/\s+/g, ' ');
  const isSql = call.argv.includes('psql') && call.input.length > 0;
  if (!isSql) return typed;
  const sql = steady(call.input.toString('utf8'));
  return `${typed} < ${createHash('sha1').update(sql).digest('hex').slice(0, 8)}`;
}

/** Decides for each command whether something goes wrong at it. */
export class Faults {
  /** All commands of the run, in order. */
  readonly points: Point[] = [];
  readonly #counts = new Map<string, number>();
  readonly #at: (Point & { readonly how: How }) | undefined;
  readonly #forget: string;
  /** Whether the planned fault happened. */
  happened = false;
  /** Ctrl-C. */
  interrupt: () => void = () => undefined;
  /** SIGKILL. */
  kill: () => void = () => undefined;
  /** A command hangs: its deadline may come. */
  hang: () => void = () => undefined;
  /** It was ended. */
  rest: () => void = () => undefined;

  constructor(forget: string, at?: Point & { readonly how: How }) {
    this.#forget = forget;
    this.#at = at;
  }

  at(call: Call): How | undefined {
    const label = labelOf(call, this.#forget);
    const nth = (this.#counts.get(label) ?? 0) + 1;
    this.#counts.set(label, nth);
    this.points.push({ label, nth, isChange: call.extraFd !== undefined });
    if (this.#at?.label !== label || this.#at.nth !== nth) return undefined;
    this.happened = true;
    return this.#at.how;
  }
}
