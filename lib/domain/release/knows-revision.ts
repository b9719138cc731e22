import type { Ops } from '../../core/ops.ts';
import { filesWith } from '../../tools/git/commits.ts';
import { showFile, treeOf } from '../../tools/git/tree.ts';

/**
 * Whether a commit has the migration of a revision. Alembic names a migration's file by its revision, unless `file_template` says
 * otherwise: then the file itself tells.
 */
export async function knowsRevision(ops: Ops, commit: string, revision: string): Promise<boolean> {
  const { migrations } = ops.target.release;
  const isMigration = (file: string) => file.startsWith(migrations) && file.endsWith('.py');
  const named = [...(await treeOf(ops, commit)).keys()].some(
    (file) => isMigration(file) && file.slice(migrations.length).startsWith(revision),
  );
  if (named) return true;
  const files = (await filesWith(ops, commit, revision)).filter(isMigration);
  const texts = await Promise.all(files.map((file) => showFile(ops, commit, file)));
  return texts.some((text) => revisionOf(text ?? '') === revision);
}

/** Of a migration's text. */
export const revisionOf = (text: string): string | undefined =>
  /^revision(?:\s*:\s*[\w.[\] |]+)?\s*=\s*(["'])(.*?)\1/m.exec(text)?.[2];
