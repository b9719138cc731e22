import { rmSync } from 'node:fs';
import path from 'node:path';
import { type Ops, runName } from '../../core/ops.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { archiveCommit } from '../../tools/git/archive.ts';
import { retryWhileRestarting } from '../app/retry.ts';
import { stageRelease, sweepFormer, sweepStaging } from '../app/staging.ts';
import { buildArtefacts, forgetArtefacts } from '../images/built-artefacts.ts';
import { sourcesOf } from '../release/artefact-stages.ts';
import { archiveArtefacts, mergeArtefacts } from '../release/artefacts.ts';
import { planRelease } from '../release/copies.ts';
import { saveLocal } from '../release/save-local.ts';
import type { Facts } from './facts.ts';
import type { HotRelease } from './hot-release.ts';

/** Keeps what resetting the deploy directory would lose, before anything else happens. */
export function saveLocalStep(update: HotRelease): Step | undefined {
  const { local } = update.facts;
  if (local.none) return undefined;
  return {
    id: 'save-local',
    title: {
      en: 'Save local changes of the deploy directory under a git ref',
      zh: '将部署目录的本地修改保存为 git 引用',
    },
    risk: 'none',
    commands: [
      {
        en: 'git update-ref refs/whalefall-ops/saved/<run> <commit of the changes>',
        zh: 'git update-ref refs/whalefall-ops/saved/<run> <包含本地修改的提交>',
      },
    ],
    async run(ops) {
      update.savedLocal = await saveLocal(ops, local, runName(ops));
    },
  };
}

/** Builds what the release has from other sources than the container, and nothing of it reaches production yet. */
export function buildStep(update: HotRelease): Step<Facts> | undefined {
  const { stack, source, stale } = update.facts;
  if (stale.length === 0) return undefined;
  const names = artefactNames(update.facts);
  const short = source.commit.slice(0, 10);
  return {
    id: 'build',
    title: { en: `Build ${names}, while production serves`, zh: `构建 ${names}, 期间生产环境正常服务` },
    risk: 'none',
    commands: stale.flatMap(({ from, to, stage }) => [
      {
        en: `docker compose build ${stack.services.app.key}  # stage ${stage}, from ${from} at ${short}`,
        zh: `docker compose build ${stack.services.app.key}  # 构建阶段 ${stage}, 源码为 ${short} 的 ${from}`,
      },
      `docker cp <${stage}>:… ${to}`,
    ]),
    async run(ops) {
      update.facts = await build(ops, update.facts);
      return update.facts;
    },
    evidence: buildEvidence,
    undo: async (ops) => forgetArtefacts(ops),
  };
}

export const artefactNames = ({ stale }: Facts): string => stale.map(({ to }) => to).join(', ');

async function build(ops: Ops, facts: Facts): Promise<Facts> {
  const { stack, source, stale, running, former } = facts;
  const built = await buildArtefacts(ops, stack, source.commit, stale);
  const tree = new Map([...facts.tree, ...built.files]);
  return {
    ...facts,
    tree,
    artefacts: mergeArtefacts(facts.artefacts, built),
    files: planRelease({ target: ops.target, tree, files: running.files }, former),
  };
}

function buildEvidence({ stale, artefacts }: Facts): Text {
  const count = (to: string) => [...artefacts.files.keys()].filter((file) => file.startsWith(`${to}/`)).length;
  const each = stale.map(({ to }) => [to, count(to)] as const);
  return {
    en: each.map(([to, n]) => `${to}: ${n} files`).join(', '),
    zh: each.map(([to, n]) => `${to}: ${n} 个文件`).join(', '),
  };
}

/** Beside what runs: nothing that serves reads it. */
export const stageStep = (update: HotRelease): Step => ({
  id: 'stage',
  title: { en: 'Copy the release into the container, beside what runs', zh: '将新版本复制到容器内的独立目录' },
  risk: 'none',
  commands: [
    `git archive ${update.facts.source.commit.slice(0, 10)} | docker exec -i ${update.facts.app.id.slice(0, 12)} tar -x -C ${update.target.app.root}/.whalefall-staging/…`,
  ],
  run: (ops) => stage(ops, update),
  evidence: () => stageEvidence(update.facts),
  undo: (ops) => unstage(ops, update),
});

/** Brings the release into the container, beside what runs. */
async function stage(ops: Ops, { facts, staging }: HotRelease): Promise<void> {
  const commit = path.join(ops.paths.run, 'release.tar');
  const artefacts = path.join(ops.paths.run, 'artefacts.tar');
  const hasArtefacts = facts.artefacts.directories.length > 0;
  try {
    // What killed runs left is unfinished until a release is proved, which this one may not come to.
    if (facts.cutShort.staging) await sweepFormer(ops, staging);
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

function stageEvidence({ tree, files }: Facts): Text {
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
async function unstage(ops: Ops, { staging, switching }: HotRelease): Promise<void> {
  if (!switching) await retryWhileRestarting(ops, staging.container, () => sweepStaging(ops, staging));
}
