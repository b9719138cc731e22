import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Paths } from '../../core/ops.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { readAs } from '../../tools/files/json.ts';

const delivery = z.object({
  /** RFC 3339, UTC. */
  at: z.iso.datetime(),
  /** Why it did not get there; null: it did. */
  failure: z.object({ en: z.string(), zh: z.string() }).nullable(),
});

/** The last attempt to reach somebody; one file each, below `<state>/deliveries`. */
export type Delivery = z.infer<typeof delivery>;

const fileOf = ({ state }: Pick<Paths, 'state'>, to: string) => path.join(state, 'deliveries', `${to}.json`);

/** @param to name of a channel, or of a ping (`ping.backup`). */
export const readDelivery = (paths: Pick<Paths, 'state'>, to: string): Delivery | undefined =>
  readAs(delivery, fileOf(paths, to));

/** Where no run has been yet, nothing is written. @throws {NodeJS.ErrnoException} when the disk is full or read-only. */
export async function recordDelivery(paths: Pick<Paths, 'state'>, to: string, entry: Delivery): Promise<void> {
  if (!existsSync(paths.state)) return;
  const file = fileOf(paths, to);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeAtomically(file, `${JSON.stringify(entry)}\n`);
}
