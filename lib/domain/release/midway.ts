import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { ask } from '../../core/run.ts';
import type { Target } from '../../core/target.ts';
import { printable, type Text } from '../../core/text.ts';
import { git } from '../../tools/git/git.ts';
import type { MidwayFile } from '../stack/deployment.ts';

/** What takes a migration out of the one transaction in which Alembic runs all of them. */
const IN_MIGRATION = /\bautocommit_block\b|\bAUTOCOMMIT\b|\bCONCURRENTLY\b|(?:\.|["';\s])commit\s*(?:\(\s*\)|;|["'])/i;
const BETWEEN = /\btransaction_per_migration\s*=\s*True\b/;
const IN_ENV = /\bAUTOCOMMIT\b/;
const COMMENTS = /^\s*#.*$/gm;

const envOf = ({ release }: Target): string => `${path.posix.dirname(release.migrations)}/env.py`;

/** Alembic's own file, and the migrations that a database at `revision` may lack: by their names, which begin with a time. */
function filesFor(target: Target, all: readonly string[], revision: string): string[] {
  const pending = all.filter((file) => {
    const [, time] = /^(\d{14})\D/.exec(path.posix.basename(file)) ?? [];
    const old = time !== undefined && /^\d{14}$/.test(revision) && time <= revision;
    return file.startsWith(target.release.migrations) && file.endsWith('.py') && !old;
  });
  if (pending.length === 0) return [];
  return [...all.filter((file) => file === envOf(target)), ...pending.sort()];
}

function commits(target: Target, file: string, text: string): MidwayFile[] {
  const code = text.replace(COMMENTS, '');
  const isEnv = file === envOf(target);
  const within = (isEnv ? IN_ENV : IN_MIGRATION).test(code);
  return within || (isEnv && BETWEEN.test(code)) ? [{ file, within }] : [];
}

/**
 * Files of a commit's migrations by which an upgrade commits on its way, so that a failure leaves what came before.
 *
 * @param revision the database's; undefined where nothing is that could be lost.
 */
export async function commitsMidway(
  ops: Ops,
  tree: ReadonlyMap<string, { readonly blob: string }>,
  revision: string | undefined,
): Promise<MidwayFile[]> {
  if (revision === undefined) return [];
  const files = filesFor(ops.target, [...tree.keys()], revision);
  const texts = await Promise.all(
    files.map((file) => ask(ops, git(ops.target.dir, ['cat-file', 'blob', tree.get(file)?.blob ?? '']))),
  );
  return files.flatMap((file, at) => commits(ops.target, file, texts[at] ?? ''));
}

/** The same of what lies in the deploy directory, which is what is built. */
export function commitsMidwayHere({ target }: Ops, revision: string | undefined): MidwayFile[] {
  const { migrations } = target.release;
  const directory = path.join(target.dir, migrations);
  if (revision === undefined || !existsSync(directory)) return [];
  const all = [envOf(target), ...readdirSync(directory).map((name) => path.posix.join(migrations, name))];
  const text = (file: string) => readFileSync(path.join(target.dir, file), 'utf8');
  const there = (file: string) => existsSync(path.join(target.dir, file));
  return filesFor(target, all.filter(there), revision).flatMap((file) => commits(target, file, text(file)));
}

/** For a plan, before anything is done. */
export function midwayText(files: readonly MidwayFile[]): Text {
  const list = files
    .slice(0, 5)
    .map(({ file }) => printable(file))
    .join(', ');
  return {
    en: `The upgrade is not one transaction: it commits on its way (${list}). Should it fail, what came before that stays.`,
    zh: `升级不是单一事务, 会中途提交 (${list}). 若失败, 此前已提交的改动会保留.`,
  };
}
