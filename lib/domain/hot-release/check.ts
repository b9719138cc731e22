import { allEnded } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import type { Step } from '../../core/step.ts';
import {
  type From,
  loadOnce,
  readSettings,
  type Settings,
  stagedArgv,
  stagedStart,
  startCanary,
  startOf,
} from '../app/gunicorn.ts';
import { isGunicorn, type Program } from '../app/programs.ts';
import { readRevisions } from '../app/revisions.ts';
import { checkSite, requireReloadable } from '../app/site.ts';
import { compileStaged } from '../app/staging.ts';
import { loadUpgrade } from '../schema/upgrade.ts';
import { beginAhead } from './ahead.ts';
import { type Facts, migratesNothing } from './facts.ts';
import type { HotRelease } from './hot-release.ts';
import type { RestartKind } from './options.ts';
import {
  changesSettings,
  chooseRestart,
  neededRestart,
  type Restart,
  requireAgreed,
  type Way,
  wayOf,
} from './restart.ts';

export interface Checked {
  /** The newest schema revision that the release knows. */
  readonly head: string;
  /** `newer`: the database is at a revision that the release does not know; it stays there, and the release is tried on it. */
  readonly schema: 'current' | 'behind' | 'newer';
  readonly restart: Restart;
  /** The gentlest that would have done; a harder one may have been asked for. */
  readonly needed: RestartKind;
  /** How each program beside the web program gets the release, by its name. */
  readonly ways: ReadonlyMap<string, Way>;
  /** Workers that the release's configuration asks for. */
  readonly workers: number;
  /** The web program's command line for the staged release. */
  readonly from: From;
}

export const checkStep = (update: HotRelease): Step<Checked> => ({
  id: 'check',
  title: {
    en: 'Compile what is new, test its gunicorn and nginx configuration',
    zh: '编译新文件, 并检查 gunicorn 与 nginx 配置',
  },
  risk: 'none',
  commands: [
    {
      en: 'gunicorn <as the web program>  # its configuration; before a migration with --check-config',
      zh: 'gunicorn <与 web 程序相同的参数>  # 读取其配置; 有迁移时加 --check-config',
    },
    'nginx -t',
    { en: 'nginx -t <the site as the next start renders it>', zh: 'nginx -t <下次启动时将渲染的站点配置>' },
  ],
  run: (ops) => check(ops, update),
  evidence: ({ restart }) => restart.why,
  undo: async () => update.ahead?.stop(),
});

/**
 * Tries everything that can be tried without serving: Python compiles every file that is new or changed, gunicorn reads its configuration and loads the
 * application once, Alembic reads its chain of migrations, nginx tests the site, and what it runs with. A release that brings no migration begins to boot for
 * its trial instead of only being loaded; with one, the backup begins meanwhile, and the migration loads the application.
 *
 * @throws {OpsError} with the words of whoever found something wrong.
 */
async function check(ops: Ops, update: HotRelease): Promise<Checked> {
  const { facts, staging, options } = update;
  const { web } = facts.programs;
  const { root } = ops.target.app;
  const staged = (program: Program): From => ({
    argv: stagedArgv(program, (path) => stagedPath(ops, facts, staging.tree, path)),
    cwd: stagedStart(program, root, staging.tree),
  });
  const from = staged(web);
  const settingsBefore = async (program: Program) =>
    changesSettings(facts, root, program)
      ? readSettings(ops, staging, program, { argv: program.argv, cwd: startOf(program) })
      : undefined;
  const settingsOf = async (program: Program) => {
    const before = await settingsBefore(program);
    return { before, after: await readSettings(ops, staging, program, staged(program)) };
  };
  const foundWay = async (program: Program) =>
    [program.name, wayOf(program, facts, root, isGunicorn(program) ? await settingsOf(program) : undefined)] as const;
  const revision = facts.schema.kind === 'versioned' ? facts.schema.revision : undefined;
  const migrates = !migratesNothing(facts);
  if (options.direction === 'forward' && (options.backup === 'always' || migrates))
    update.ahead = beginAhead(ops, facts, migrates ? (inner) => loadStaged(inner, update) : undefined);
  const bootEarly = async (): Promise<Settings> => {
    const { pid, settings } = await startCanary(ops, staging, web, from);
    update.canary = pid;
    return settings;
  };
  const [after, { head, known }, before, found] = await allEnded([
    migrates ? loadOnce(ops, staging, web, from) : bootEarly(),
    readRevisions(ops, staging.container, staging.tree, revision),
    settingsBefore(web),
    allEnded(facts.programs.companions.map(foundWay)),
    facts.tree.has(ops.target.release.site.from) ? checkSite(ops, staging) : Promise.resolve(),
    compileStaged(ops, staging, facts.files.put, facts.tree),
    requireReloadable(ops, staging.container),
  ]);
  const restart = chooseRestart(options.restart, facts, root, { before, after });
  const ways = new Map(found);
  requireAgreed(update.plan, { restart, ways }, options.direction);
  const needed = neededRestart(facts, root, { before, after }).kind;
  const schema = revision === head ? 'current' : revision === undefined || known ? 'behind' : 'newer';
  const workers = Number(after.get('workers'));
  return { head, schema, restart, needed, ways, workers, from };
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

const loadStaged = (ops: Ops, { staging }: HotRelease) => loadUpgrade(stagedOps(ops, staging.tree), staging.container);

/** For what runs the staged code instead of the code in place. */
export function stagedOps(ops: Ops, tree: string): Ops {
  return { ...ops, target: { ...ops.target, app: { ...ops.target.app, root: tree } } };
}
