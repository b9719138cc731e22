import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { read, run } from '../../core/run.ts';
import { endpointsOf, healthCheck } from '../../domain/app/health.ts';
import { lookAround } from '../../domain/app/inventory.ts';
import { claimStack } from '../../domain/data/claim.ts';
import { listKept } from '../../domain/images/kept.ts';
import { readReleases } from '../../domain/ledger/releases.ts';
import { eachUnfinished } from '../../domain/ledger/unfinished-runs.ts';
import { findRebuildReasons } from '../../domain/release/find-rebuild-reasons.ts';
import type { RebuildReason } from '../../domain/release/rebuild-reasons.ts';
import { identifyRunning, runningWarnings } from '../../domain/release/running.ts';
import { describeCommit } from '../../domain/release/source.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import { findSoleContainers } from '../../domain/stack/replicas.ts';
import type { Stack } from '../../domain/stack/stack.ts';
import { requireLocalEngine } from '../../tools/docker/engine.ts';
import { showFile, treeOf } from '../../tools/git/tree.ts';
import type { Facts } from './facts.ts';

const PYPROJECT = 'pyproject.toml';

/**
 * Looks at the ledger, and at what is still there of what it names. Changes nothing.
 *
 * @param use what for: whoever goes back to one needs a stack of this directory, on this machine.
 * @throws {OpsError} see {@link claimStack}; `precondition` when a service has several containers.
 */
export async function surveyReleases(ops: Ops, use: 'change' | 'look'): Promise<Facts> {
  const releases = readReleases(ops.paths);
  const [stack] = await Promise.all([resolveStack(ops), requireLocalEngine(ops, use)]);
  await claimStack(ops, stack, use);
  const { app } = await (use === 'change' ? findSoleContainers : findContainers)(ops, stack);
  const up = app?.state === 'running' ? app : undefined;
  const [around, health, images, kept] = await Promise.all([
    up && lookAround(ops, up.id, []),
    up && healthCheck(ops, endpointsOf(ops.target, up)),
    existing(ops, [...new Set(releases.map((r) => r.imageId))]),
    listKept(ops, stack.services.app.image),
  ]);
  const released = releases.at(-1)?.commit;
  const code = up && around ? await identifyRunning(ops, around, up.imageId, released ?? '') : undefined;
  const running = code ? (code.commit ?? code.nearest?.commit) : released;
  for (const text of runningWarnings(code, released)) ops.screen.show({ event: 'warning', text });
  const backups = releases.flatMap((r) => r.backup ?? []).filter((dir) => existsSync(dir));
  return {
    running,
    cutShort: cutShort(ops, around?.cutShort.staging === true),
    serving: health?.healthy ?? false,
    releases,
    images,
    kept: new Map(kept.map(({ reference, id }) => [reference, id])),
    rebuild: await reasonsBetween(ops, stack, running, [
      ...new Set([...releases.map((r) => r.commit), ...(running ? [running] : [])]),
    ]),
    backups: new Set(backups),
  };
}

/** Whether a way back, or another run, was cut short. @param staging what a hot release works in is still there. */
export function cutShort({ paths }: Pick<Ops, 'paths'>, staging: boolean): Facts['cutShort'] {
  // A backup, or another script, that was killed as well makes the way back no less cut short.
  const unfinished = [...eachUnfinished(paths, path.basename(paths.run))].map((run) => run.script);
  if (unfinished.includes('rollback-prod')) return 'back';
  return unfinished.length > 0 || staging ? 'other' : undefined;
}

/** Those of the images that the engine has. */
async function existing(ops: Ops, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  // Exit code 1: some do not exist; those that do are printed all the same.
  const { stdout } = await run(ops, read(['docker', 'image', 'inspect', '-f', '{{.Id}}', ...ids]), [0, 1]);
  return new Set(stdout.split('\n').filter(Boolean));
}

async function reasonsBetween(
  ops: Ops,
  { services }: Stack,
  running: string | undefined,
  commits: readonly string[],
): Promise<ReadonlyMap<string, readonly RebuildReason[]>> {
  const known: string[] = [];
  for (const commit of commits) if (await describeCommit(ops, commit)) known.push(commit);
  if (running === undefined || !known.includes(running)) return new Map();
  const before = await blobsAt(ops, running);
  const answers = new Map<string, readonly RebuildReason[]>();
  for (const commit of known) {
    const reasons = await findRebuildReasons(ops, {
      before,
      after: await blobsAt(ops, commit),
      commits: { before: running, after: commit },
      former: before,
      buildTarget: services.app.build?.target,
      pyproject: () => showFile(ops, running, PYPROJECT),
    });
    answers.set(commit, reasons);
  }
  return answers;
}

const blobsAt = async (ops: Ops, commit: string) =>
  new Map([...(await treeOf(ops, commit))].map(([file, { blob }]) => [file, blob]));
