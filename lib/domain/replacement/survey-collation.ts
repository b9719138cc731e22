import type { Ops } from '../../core/ops.ts';
import { CommandError } from '../../core/run.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { ownerLabels } from '../../tools/docker/helpers.ts';
import {
  actualVersions,
  librariesOf,
  type SortedBy,
  sortedDatabases,
  sortingLibrariesOf,
  type UsedCollation,
  usedCollations,
} from '../../tools/postgres/collation.ts';
import type { PgServer } from '../../tools/postgres/psql.ts';
import { imageId } from '../images/build.ts';
import type { CollationChange } from '../stack/deployment.ts';
import { loginOf, type Stack } from '../stack/stack.ts';

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
  return unlessUnreadable(ops, async () => {
    const server: PgServer = { container: postgres, ...loginOf(stack) };
    const [sorted, used, now] = await Promise.all([
      sortedDatabases(ops, server),
      usedCollations(ops, server),
      librariesOf(ops, server),
    ]);
    if (sorted.length + used.length === 0) return [];
    const libraries = await sortingLibrariesOf(ops, next, ownerLabels(ops));
    // Each locale of ICU may have a version of its own: here it counts that the library is another one.
    const isOther = ({ provider, version }: SortedBy) =>
      now[provider] !== libraries[provider] && version !== libraries[provider];
    return [
      ...sorted
        .filter(isOther)
        .map(({ database, provider, version }) => ({ database, from: version, to: libraries[provider] })),
      ...used
        .filter(isOther)
        .map((one) => ({ ...changeOf(one), to: libraries[one.provider] }))
        .filter(needsSomething),
    ];
  });
}

/** The same once the server of another image runs, by its own word. */
export function collationNow(ops: Ops, server: PgServer): Promise<readonly CollationChange[]> {
  return unlessUnreadable(ops, async () => {
    const [sorted, used] = await Promise.all([sortedDatabases(ops, server), usedCollations(ops, server)]);
    const now = sorted.length > 0 ? await actualVersions(ops, server) : new Map<string, string | null>();
    return [
      ...sorted
        .map(({ database, version }) => ({ database, from: version, to: now.get(database) ?? null }))
        .filter(({ from, to }) => from !== to),
      ...used
        .filter((one) => one.version !== one.now)
        .map(changeOf)
        .filter(needsSomething),
    ];
  });
}

const changeOf = ({ database, collation, indexes, version, now }: UsedCollation): CollationChange => ({
  database,
  named: { collation, indexes },
  from: version,
  to: now,
});

/** Of one that no index names, only its version can be noted. */
const needsSomething = ({ named, to }: CollationChange) => to !== null || named?.indexes.length !== 0;

/** What can't be read, or does not start, others say better. */
async function unlessUnreadable(
  ops: Ops,
  look: () => Promise<readonly CollationChange[]>,
): Promise<readonly CollationChange[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof CommandError) || ops.signal.aborted) throw error;
    return [];
  }
}
