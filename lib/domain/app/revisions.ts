import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { oneHead } from '../schema/flask-db.ts';
import { agent } from './agent.ts';

const answer = z.object({ heads: z.array(z.string()), known: z.boolean() });

/**
 * Reads the chain of migrations in a directory of the container, without starting the application.
 *
 * @param root the release's directory.
 * @param revision the database's; `known` tells whether the chain has it.
 * @throws {OpsError} `precondition` when the chain has no end or several; `command` when a migration can't be loaded.
 */
export async function readRevisions(
  ops: Ops,
  container: string,
  root: string,
  revision: string | undefined,
): Promise<{ readonly head: string; readonly known: boolean }> {
  const directory = `${root}/${ops.target.release.migrations.replace(/\/versions\/$/, '')}`;
  const args = { root, directory, revision: revision ?? null };
  const { heads, known } = await agent(ops, container, 'revisions', {
    effect: 'read',
    args,
    answer,
    deadlineMs: 60_000,
  });
  return { head: oneHead(heads), known };
}
