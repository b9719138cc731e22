import path from 'node:path';
import { z } from 'zod';
import type { Hold, Paths } from '../../core/ops.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { readAs } from '../../tools/files/json.ts';

const schema = z.record(z.string(), z.string());

const fileIn = (paths: Pick<Paths, 'state'>) => path.join(paths.state, 'adopted.json');

/** Containers that an earlier run took over, by their ids: their labels still name another directory until they are replaced. */
export const readAdopted = (paths: Pick<Paths, 'state'>): ReadonlySet<string> =>
  new Set(Object.keys(readAs(schema, fileIn(paths)) ?? {})); // where it can't be read, the question comes again

/** Remembers what this run took over, when it has succeeded. */
export async function recordAdopted(paths: Pick<Paths, 'state'>, { adopted }: Pick<Hold, 'adopted'>): Promise<void> {
  if (adopted.size === 0) return;
  const former = [...readAdopted(paths)].map((id) => [id, '']);
  await writeAtomically(fileIn(paths), `${JSON.stringify(Object.fromEntries([...former, ...adopted]))}\n`);
}
