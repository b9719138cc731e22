import path from 'node:path';
import { z } from 'zod';
import type { Paths } from '../../core/ops.ts';
import { spanText, type Text } from '../../core/text.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { appendLine, linesAs } from '../../tools/files/json.ts';

const milliseconds = z.int().min(0);

const drill = z.strictObject({
  version: z.literal(1),
  /** When it ended; RFC 3339, UTC. */
  at: z.iso.datetime(),
  /** Base name of the run's directory. */
  run: z.string(),
  /** Name of the backup's directory. */
  backup: z.string(),
  /** Full id; null when the container did not say what it runs. */
  commit: z.string().nullable(),
  outcome: z.enum(['recovered', 'failed']),
  /** The step that failed, and a sentence why. */
  failed: z.strictObject({ step: z.string(), why: z.string().max(600) }).nullable(),
  /** Age of the data when the drill began (what would have been lost); null when the manifest can't be read. */
  dataAge: milliseconds.nullable(),
  /** Of the database, bytes. */
  databaseBytes: z.int().min(0).nullable(),
  /** From the drill's start until the application was healthy, and what of it each part took; null: not come so far. */
  took: z.strictObject({
    recover: milliseconds.nullable(),
    restore: milliseconds.nullable(),
    migrate: milliseconds.nullable(),
    boot: milliseconds.nullable(),
  }),
  /** Revisions that were applied; null: not come so far. */
  migrations: z.array(z.string()).nullable(),
  /** The lock of the migrations on a table that lasted longest, as far as it was seen by asking again and again. */
  longestLock: z.strictObject({ table: z.string(), mode: z.string(), milliseconds }).nullable(),
  /** Processors that it could use at most: with more, recovery is quicker. */
  cpus: z.number().positive(),
});

/** A rehearsal and what came out; one JSON object a line in `<state>/drills`, the oldest first. */
export type Drill = z.infer<typeof drill>;

/** So many are kept. */
export const KEPT = 200;

// Beside the backups, because under `--plan` the state directory is another.
const fileOf = (paths: Pick<Paths, 'backups'>) => path.join(path.dirname(paths.backups), 'drills');

/** Appends and flushes; when there are too many, the oldest go. */
export async function recordDrill(paths: Pick<Paths, 'backups'>, entry: Drill): Promise<void> {
  const file = fileOf(paths);
  appendLine(file, drill.parse(entry));
  const all = readDrills(paths);
  const kept = all.slice(-KEPT);
  if (kept.length < all.length) await writeAtomically(file, kept.map((d) => `${JSON.stringify(d)}\n`).join(''));
}

/** A line that a crash has torn, or that another version wrote, is left out. */
export const readDrills = (paths: Pick<Paths, 'backups'>): Drill[] => linesAs(drill, fileOf(paths));

/** How long ago the last one was, and what came out. */
export function lastDrillText(paths: Pick<Paths, 'backups'>, now: number): Text {
  const last = readDrills(paths).at(-1);
  if (last === undefined) {
    return { en: 'no drill yet: npx tsx scripts/rehearse.ts', zh: '尚未演练: npx tsx scripts/rehearse.ts' };
  }
  const span = spanText(now - Date.parse(last.at));
  const age = { en: `${span.en} ago`, zh: `${span.zh}前` };
  if (last.outcome === 'recovered') {
    const seconds = Math.round((last.took.recover ?? 0) / 1000);
    return { en: `${age.en}: recovered in ${seconds} s`, zh: `${age.zh}: 恢复成功, 用时 ${seconds} 秒` };
  }
  const step = last.failed?.step ?? '?';
  return {
    en: `${age.en}: FAILED (${step}); again: npx tsx scripts/rehearse.ts`,
    zh: `${age.zh}: 失败 (${step}); 重新演练: npx tsx scripts/rehearse.ts`,
  };
}
