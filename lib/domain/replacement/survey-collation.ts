import type { Ops } from '../../core/ops.ts';
import { CommandError } from '../../core/run.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { ownerLabels } from '../../tools/docker/helpers.ts';
import { sortedDatabases, sortingLibrariesOf } from '../../tools/postgres/collation.ts';
import type { PgServer } from '../../tools/postgres/psql.ts';
import { imageId } from '../images/build.ts';
import { loginOf } from '../stack/database.ts';
import type { CollationChange } from '../stack/deployment.ts';
import type { Stack } from '../stack/stack.ts';

/**
 * Databases whose text indexes the next image would read with another sorting library than they were built with. Asked of a server of that
 * image, without data, and only where it is another image than the one that runs. Changes nothing.
 */
export async function surveyCollation(
  ops: Ops,
  stack: Stack,
  postgres: Container | undefined,
): Promise<readonly CollationChange[]> {
  if (postgres?.state !== 'running') return [];
  const next = await imageId(ops, stack.services.postgres.image);
  if (next === undefined || next === postgres.imageId) return [];
  const { user } = loginOf(stack);
  try {
    const server: PgServer = { container: postgres, user, name: 'template1' };
    const sorted = await sortedDatabases(ops, server);
    if (sorted.length === 0) return [];
    const libraries = await sortingLibrariesOf(ops, next, ownerLabels(ops));
    return sorted
      .map(({ database, provider, version }) => ({ database, from: version, to: libraries[provider] }))
      .filter(({ from, to }) => from !== to);
  } catch (error) {
    // What can't be read, or does not start, others say better.
    if (!(error instanceof CommandError) || ops.signal.aborted) throw error;
    return [];
  }
}
