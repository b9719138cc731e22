import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { definitionOf } from '../../tools/docker/definition.ts';
import { exec } from '../../tools/docker/docker.ts';
import { showFile } from '../../tools/git/tree.ts';
import type { FileEntry, Inventory } from '../app/inventory.ts';
import { keptEnv } from '../images/kept-container.ts';
import { driftReasons } from '../release/compose-drift.ts';
import { findRebuildReasons } from '../release/find-rebuild-reasons.ts';
import type { RebuildReason } from '../release/rebuild-reasons.ts';
import type { Source } from '../release/source.ts';
import type { EnvChange } from '../stack/deployment.ts';
import type { Running } from './facts.ts';

interface Compared {
  readonly app: Container;
  readonly running: Running;
  /** The tree of the commit that runs; `undefined` when it is not known here. */
  readonly former: ReadonlyMap<string, FileEntry> | undefined;
  readonly source: Source;
  readonly tree: Inventory;
  /** The stage that compose builds. */
  readonly buildTarget: string | undefined;
}

const PYPROJECT = 'pyproject.toml';

/**
 * Why the new release can't do with the image that runs. What lies in the container counts; of what the image leaves out, the
 * commit that runs.
 */
export function needsRebuild(ops: Ops, compared: Compared): Promise<readonly RebuildReason[]> {
  const { running, former, source, tree, buildTarget } = compared;
  return findRebuildReasons(ops, {
    before: new Map([...blobs(former ?? new Map()), ...blobs(running.files)]),
    after: new Map(blobs(tree)),
    commits: { before: running.commit, after: source.commit },
    former: former && new Map(blobs(former)),
    buildTarget,
    pyproject: () => pyprojectThere(ops, compared),
  });
}

/**
 * Why the container that runs is not what compose would make of the release. What was changed in `.env` alone is none of it: the plan says
 * it besides.
 */
export async function surveyDrift(
  ops: Ops,
  app: Container,
  envChanging: Promise<EnvChange | undefined>,
  wanted: { readonly commit: string; readonly compose: string },
): Promise<readonly RebuildReason[]> {
  const envChange = await envChanging;
  if (envChange && !envChange.isKept) return []; // nobody knows with what it was made
  const runs = await definitionOf(ops, app.id);
  const now = await driftReasons(ops, runs, wanted);
  // With either of them: of what only compose reads, the container does not tell which it was made with.
  return now.length === 0 || !envChange ? now : driftReasons(ops, runs, { ...wanted, env: keptEnv(ops.paths) });
}

async function pyprojectThere(ops: Ops, { app, running }: Compared): Promise<string | undefined> {
  if (running.files.has(PYPROJECT)) {
    return (await run(ops, exec('read', app.id, ['cat', `${ops.target.app.root}/${PYPROJECT}`]))).stdout;
  }
  return running.commit === undefined ? undefined : showFile(ops, running.commit, PYPROJECT);
}

const blobs = (files: ReadonlyMap<string, FileEntry>) => [...files].map(([f, { blob }]) => [f, blob] as const);
