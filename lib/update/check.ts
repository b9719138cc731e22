import { allEnded } from '../all-ended.ts';
import { checkGunicorn, stagedArgv } from '../app/gunicorn.ts';
import { checkSite } from '../app/site.ts';
import type { Ops } from '../host/ops.ts';
import { heads, knowsRevision } from '../postgres/flask-db.ts';
import type { Facts } from './facts.ts';
import type { UpdateOptions } from './plan.ts';
import type { Progress } from './progress.ts';
import { changesGunicorn, chooseRestart, type Restart } from './restart.ts';

export interface Checked {
  /** The newest schema revision that the release knows. */
  readonly head: string;
  /** `newer`: the database is at a revision that the release does not know; it stays there, and the release is tried on it. */
  readonly schema: 'current' | 'behind' | 'newer';
  readonly restart: Restart;
  /** Workers that the release's configuration asks for. */
  readonly workers: number;
  /** The web program's command line for the staged release. */
  readonly argv: readonly string[];
}

/**
 * Tries everything that can be tried without serving: gunicorn loads the application once, Alembic reads its chain of migrations, nginx
 * tests the site.
 *
 * @throws {OpsError} with the words of whoever found something wrong.
 */
export async function check(ops: Ops, facts: Facts, { staging }: Progress, options: UpdateOptions): Promise<Checked> {
  const { web } = facts.programs;
  const argv = stagedArgv(web.argv, (path) => stagedPath(ops, facts, staging.tree, path));
  const now = { argv: web.argv, cwd: web.cwd };
  const [after, head, before] = await allEnded([
    checkGunicorn(ops, staging, web, { argv, cwd: staging.tree }),
    heads(stagedOps(ops, staging.tree), staging.container),
    changesGunicorn(facts) ? checkGunicorn(ops, { ...staging, log: `${staging.log}-now` }, web, now) : undefined,
    facts.tree.has(ops.target.release.site.from) ? checkSite(ops, staging) : undefined,
  ]);
  const restart = chooseRestart(options.restart, facts, { before, after });
  const schema = await compareSchema(stagedOps(ops, staging.tree), facts, staging.container, head);
  return { head, schema, restart, workers: Number(after.get('workers')), argv };
}

async function compareSchema(ops: Ops, { schema }: Facts, container: string, head: string): Promise<Checked['schema']> {
  if (schema.kind !== 'versioned') return 'behind';
  if (schema.revision === head) return 'current';
  return (await knowsRevision(ops, container, schema.revision)) ? 'behind' : 'newer';
}

/** Where the staged release has what the container has at `path`: a copied file comes from elsewhere in the repository. */
function stagedPath(ops: Ops, facts: Facts, tree: string, path: string): string | undefined {
  const copied = ops.target.release.copies.find((c) => c.to === path);
  if (copied && facts.tree.has(copied.from)) return `${tree}/${copied.from}`;
  const { root } = ops.target.app;
  if (path === root) return tree;
  const below = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;
  return below !== undefined && facts.tree.has(below) ? `${tree}/${below}` : undefined;
}

/** For what runs the staged code instead of the code in place. */
export function stagedOps(ops: Ops, tree: string): Ops {
  return { ...ops, target: { ...ops.target, app: { ...ops.target.app, root: tree } } };
}
