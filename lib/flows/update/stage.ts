import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import { insist } from '../../domain/app/retry.ts';
import { stageRelease, sweepStaging } from '../../domain/app/staging.ts';
import { archiveArtefacts } from '../../domain/release/artefacts.ts';
import { saveLocal } from '../../domain/release/save-local.ts';
import { archiveCommit } from '../../tools/git/archive.ts';
import type { Facts } from './facts.ts';
import type { Progress } from './progress.ts';

/** Keeps what resetting the deploy directory would lose, before anything else happens. */
export async function saveLocalChanges(ops: Ops, facts: Facts, progress: Progress): Promise<void> {
  progress.savedLocal = await saveLocal(ops, facts.local, path.basename(ops.paths.run));
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
    await stageRelease(ops, staging, { archives, tree: facts.tree, commit: facts.source.commit });
  } finally {
    for (const file of [commit, artefacts]) rmSync(file, { force: true });
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
