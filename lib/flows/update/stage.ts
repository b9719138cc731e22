import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import { planFiles } from '../../domain/app/file-plan.ts';
import { insist } from '../../domain/app/retry.ts';
import { stageRelease, sweepStaging } from '../../domain/app/staging.ts';
import { buildArtefacts, forgetArtefacts } from '../../domain/images/built-artefacts.ts';
import { sourcesOf } from '../../domain/release/artefact-stages.ts';
import { archiveArtefacts, together } from '../../domain/release/artefacts.ts';
import { saveLocal } from '../../domain/release/save-local.ts';
import { archiveCommit } from '../../tools/git/archive.ts';
import type { Facts } from './facts.ts';
import type { Progress } from './progress.ts';

/** Keeps what resetting the deploy directory would lose, before anything else happens. */
export async function saveLocalChanges(ops: Ops, facts: Facts, progress: Progress): Promise<void> {
  progress.savedLocal = await saveLocal(ops, facts.local, path.basename(ops.paths.run));
}

/** Builds what the release has from other sources than the container, and nothing of it reaches production yet. */
export async function build(ops: Ops, facts: Facts): Promise<Facts> {
  const { stack, source, stale, running, former } = facts;
  const built = await buildArtefacts(ops, stack, source.commit, stale);
  const tree = new Map([...facts.tree, ...built.files]);
  return {
    ...facts,
    tree,
    artefacts: together(facts.artefacts, built),
    files: planFiles(running.files, tree, former),
  };
}

export function buildEvidence({ stale, artefacts }: Facts): Text {
  const count = (to: string) => [...artefacts.files.keys()].filter((file) => file.startsWith(`${to}/`)).length;
  const each = stale.map(({ to }) => [to, count(to)] as const);
  return {
    en: each.map(([to, n]) => `${to}: ${n} files`).join(', '),
    zh: each.map(([to, n]) => `${to}: ${n} 个文件`).join(', '),
  };
}

/** Brings the release into the container, beside what runs. */
export async function stage(ops: Ops, facts: Facts, { staging }: Progress): Promise<void> {
  const [commit, artefacts] = ['release.tar', 'artefacts.tar'].map((name) => path.join(ops.paths.run, name)) as [
    string,
    string,
  ];
  const hasArtefacts = facts.artefacts.directories.length > 0;
  try {
    // What a killed run left; ours is the only one now.
    if (facts.cutShort.staging) await sweepStaging(ops, { ...staging, dir: path.posix.dirname(staging.dir) });
    await archiveCommit(ops, facts.source.commit, commit);
    if (hasArtefacts) await archiveArtefacts(ops, facts.artefacts, artefacts);
    const archives = hasArtefacts ? [commit, artefacts] : [commit];
    const { tree, source, built } = facts;
    await stageRelease(ops, staging, { archives, tree, commit: source.commit, artefacts: sourcesOf(built) });
  } finally {
    for (const file of [commit, artefacts]) rmSync(file, { force: true });
    forgetArtefacts(ops);
  }
}

export function stageEvidence({ tree, files }: Facts): Text {
  const [all, put, gone] = [tree.size, files.put.length, files.remove.length];
  return {
    en: `${all} files, every one compared with the commit; ${put} are new or changed, ${gone} will go`,
    zh: `共 ${all} 个文件, 已逐一与提交比对; 新增或修改 ${put} 个, 删除 ${gone} 个`,
  };
}

/**
 * Removes the staging directory and what was started from it, also from a container that died meanwhile. Not while it holds the former
 * files: when they could not be put back, it is all that a person has.
 */
export async function unstage(ops: Ops, { staging, switching }: Progress): Promise<void> {
  if (!switching) await insist(ops, staging.container, () => sweepStaging(ops, staging));
}
