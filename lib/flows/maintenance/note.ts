import path from 'node:path';
import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { eachRun, type Run } from '../../domain/ledger/runs.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { readAs } from '../../tools/files/json.ts';

/** A run that has the page on. */
const note = z.object({
  /** RFC 3339. */
  since: z.string(),
  until: z.string(),
  ports: z.array(z.int()),
  /** Connections that got the page, or were closed. */
  turnedAway: z.int(),
});

export type Note = z.infer<typeof note>;

export interface On {
  readonly run: Run;
  readonly note: Note;
}

const file = (dir: string) => path.join(dir, 'page.json');
/** Whoever makes it asks the run to end. */
export const offFile = (dir: string): string => path.join(dir, 'off');

export const writeNote = (ops: Ops, now: Note): Promise<void> =>
  writeAtomically(file(ops.paths.run), JSON.stringify(now));

/** The run that keeps the page on, or is about to; undefined when there is none. */
export function findKeeper(ops: Ops, script: string): Run | undefined {
  const run: Run | undefined = eachRun(ops.paths, (_name, of) => of === script).next().value;
  return run?.state.kind === 'running' ? run : undefined;
}

/** The run that has the page on now; undefined when it is off. */
export function findOn(ops: Ops, script: string): On | undefined {
  const run = findKeeper(ops, script);
  const begun = run && readAs(note, file(run.dir));
  return begun && { run, note: begun };
}
