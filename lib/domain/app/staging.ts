import path from 'node:path';
import { z } from 'zod';
import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { exec } from '../../tools/docker/docker.ts';
import { withOpen } from '../../tools/files/durable.ts';
import { agent } from './agent.ts';
import { differences } from './file-plan.ts';
import { type Inventory, isKept, keptPaths, takeInventory } from './inventory.ts';
import { MARKER, markerText, STAGING } from './marker.ts';

/** A directory of this run in the container; nothing reads it but what we start there. */
export interface Staging {
  readonly container: string;
  readonly dir: string;
  readonly tree: string;
  /** What the switch replaces, under its absolute path. */
  readonly saved: string;
  readonly marker: string;
  readonly log: string;
  /** What a trial writes: it belongs to the web program's user. */
  readonly trial: string;
  readonly socket: string;
}

/** In a staging directory: the paths of all that its run is to go back to. */
export const KEPT_LIST = 'old.json';

const COPY_MS = 600_000;
const COMPILE_MS = 300_000;

/** A run's, which need not be there. */
export const stagingDir = ({ target }: Pick<Ops, 'target'>, run: string): string =>
  `${target.app.root}/${STAGING}/${run}`;

export function stagingOf(ops: Pick<Ops, 'target' | 'paths'>, container: string): Staging {
  const dir = stagingDir(ops, runName(ops));
  return {
    container,
    dir,
    tree: `${dir}/new`,
    saved: `${dir}/old`,
    marker: `${dir}/${MARKER}`,
    log: `${dir}/log`,
    trial: `${dir}/trial`,
    socket: `${dir}/trial/sock`,
  };
}

// userdata and the like are links, so that the staged code finds them where it looks. Who tries it need not be root.
const UNPACK = `umask 022; mkdir -p "$1/old" "$1/new"; chmod 711 "$1"; printf %s "$3" > "$1/${MARKER}"
tar -x -C "$1/new" --no-same-owner --no-same-permissions
dir=$1 root=$2; shift 3; for kept; do [ ! -e "$root/$kept" ] || { rm -rf "$dir/new/$kept"; ln -s "$root/$kept" "$dir/new/$kept"; }; done`;

/**
 * Copies a release into the container, beside what runs, and compares every file there with the commit.
 *
 * @param release.archives tar files which together are the release. `tree`: the same as git lists it. `artefacts`: as a marker has them.
 * @throws {OpsError} when what arrived is not the commit: then the copy was interrupted.
 */
export async function stageRelease(
  ops: Ops,
  staging: Staging,
  release: {
    readonly archives: readonly string[];
    readonly tree: Inventory;
    readonly commit: string;
    readonly artefacts: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { container, dir, tree } = staging;
  const { commit, artefacts, archives } = release;
  const marker = markerText({ commit, run: runName(ops), hot: true, artefacts });
  const argv = ['bash', '-euc', UNPACK, 'unpack', dir, ops.target.app.root, marker, ...keptPaths(ops.target)];
  const limits = { deadlineMs: COPY_MS, interruptible: true };
  for (const archive of archives)
    await withOpen(archive, (stdinFd) => run(ops, exec('change', container, argv, { stdinFd, ...limits })));
  const arrived = await takeInventory(ops, container, tree);
  const wanted = new Map([...release.tree].filter(([file]) => !isKept(ops.target, file)));
  const wrong = differences(arrived, wanted);
  if (wrong.length > 0) throw incomplete(wrong);
}

const compileErrors = z.array(z.object({ path: z.string(), why: z.string() }));

/**
 * Compiles the Python files among those that the release changes: the others run already.
 *
 * @throws {OpsError} with each file that Python does not accept.
 */
export async function compileStaged(
  ops: Ops,
  staging: Staging,
  changed: readonly string[],
  tree: Inventory,
): Promise<void> {
  const files = changed.filter((f) => f.endsWith('.py') && tree.get(f)?.mode !== '120000' && !isKept(ops.target, f));
  if (files.length === 0) return;
  const errors = await agent(ops, staging.container, 'compile', {
    effect: 'change',
    args: { staged: staging.tree, root: ops.target.app.root, files },
    answer: compileErrors,
    deadlineMs: COMPILE_MS,
  });
  if (errors.length === 0) return;
  const list = errors.map((e) => `\n  - ${printable(e.path)}: ${printable(e.why)}`).join('');
  throw unfit({
    en: `${errors.length} files of the release are not valid Python:${list}`,
    zh: `该版本有 ${errors.length} 个 Python 文件存在语法错误:${list}`,
  });
}

const swept = z.object({ ended: z.int(), removed: z.boolean() });

/** Ends what was started in there and removes it; may be called again, and when there is nothing. */
export const sweepStaging = (ops: Ops, { container, dir }: Pick<Staging, 'container' | 'dir'>): Promise<void> =>
  sweep(ops, container, { staging: dir, kept: [] });

/**
 * Ends and removes whatever any run has staged; of each, what it was to bring stays as the sign that it did not get to its end, and what it had
 * replaced as the way back.
 */
export const sweepFormer = (ops: Ops, { container, dir }: Staging): Promise<void> =>
  sweep(ops, container, { staging: path.posix.dirname(dir), kept: [MARKER, 'old', KEPT_LIST] });

/** The last of a release: no run is unfinished any more. */
export const sweepAll = (ops: Ops, { container, dir }: Staging): Promise<void> =>
  sweepStaging(ops, { container, dir: path.posix.dirname(dir) });

async function sweep(
  ops: Ops,
  container: string,
  args: { readonly staging: string; readonly kept: readonly string[] },
): Promise<void> {
  const { removed } = await agent(ops, container, 'sweep', { effect: 'change', args, answer: swept });
  if (!removed) throw notRemoved(args.staging);
}

const notRemoved = (dir: string) =>
  new OpsError({
    kind: 'command',
    what: { en: `${dir} could not be removed from the container.`, zh: `无法从容器中删除 ${dir}.` },
    state: { en: 'Nothing that serves reads it.', zh: '正在运行的服务不会读取该目录.' },
  });

const incomplete = (wrong: readonly string[]) =>
  unfit(
    {
      en: `The copy in the container is not the commit; ${wrong.length} files differ or are missing: ${wrong.slice(0, 5).map(printable).join(', ')}`,
      zh: `复制到容器中的文件与提交不一致, 共 ${wrong.length} 个: ${wrong.slice(0, 5).map(printable).join(', ')}`,
    },
    {
      en: 'The copy was interrupted, or the disk is full (df -h); run again.',
      zh: '复制被中断或磁盘已满 (df -h), 请重新运行.',
    },
  );

const CORRECT_IT: Text = { en: 'Correct it in the repository, then run again.', zh: '请在代码仓库中修正后重新运行.' };

/** A staged release that won't do. To be thrown while nothing was changed. */
export const unfit = (what: Text, next = CORRECT_IT): OpsError =>
  new OpsError({ kind: 'failed', what, state: NOTHING_CHANGED, next: [next] });
