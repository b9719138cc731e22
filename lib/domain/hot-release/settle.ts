import { whatHappened } from '../../core/errors.ts';
import { type Ops, runName, uninterruptible } from '../../core/ops.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { retryWhileRestarting } from '../app/retry.ts';
import { sweepAll } from '../app/staging.ts';
import { buildImage } from '../images/build.ts';
import { readReleases, recordRelease } from '../ledger/releases.ts';
import { keepRelease, resetTo } from '../release/save-local.ts';
import { discardFormers } from '../replacement/replace.ts';
import type { Facts } from './facts.ts';
import type { HotRelease } from './hot-release.ts';
import type { Proven } from './prove.ts';

export interface Settled {
  /** The image with the same code; `undefined` when none was asked for, or it could not be built. */
  readonly imageId: string | undefined;
  /** Why one that was asked for could not be. */
  readonly notBuilt: Text | undefined;
  /** What else could not be done. The release serves all the same. */
  readonly left: readonly Text[];
}

export const settleStep = (update: HotRelease): Step<Settled, [Proven]> => ({
  id: 'settle',
  title: { en: 'Record the release, bring the deploy directory to it', zh: '记录发布, 并将部署目录同步到该提交' },
  risk: 'changes',
  commands: [
    `git reset --hard ${update.facts.source.commit.slice(0, 10)}`,
    ...(update.options.bake
      ? [`docker compose -f ${update.target.composeFile} build ${update.facts.stack.services.app.key}`]
      : []),
  ],
  run: (ops, proven) => settle(ops, update, proven),
});

/**
 * What remains when the new release is proved: it is recorded, the deploy directory brought to it, if asked for the
 * image built, and the staging directory removed. Nothing here can make the release fail any more; what can't be done is said.
 */
async function settle(ops: Ops, update: HotRelease, { workers }: Proven): Promise<Settled> {
  const { facts, staging, options, savedLocal, backup } = update;
  const left: Text[] = [];
  const calm = uninterruptible(ops);
  const { commit, subject } = facts.source;
  const attempt = async <T>(deed: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await deed();
    } catch (error) {
      left.push(whatHappened(error));
      return undefined;
    }
  };
  await attempt(() => keepRelease(calm, commit, runName(ops)));
  await attempt(() => resetTo(calm, commit, facts.local, savedLocal));
  let notBuilt: Text | undefined;
  const building = options.bake ? buildImage(ops, facts.stack, commit) : undefined;
  const imageId = await building?.catch((error: unknown) => {
    notBuilt = whatHappened(error);
    return undefined;
  });
  await attempt(async () => noteFound(ops, facts));
  await attempt(async () =>
    recordRelease(ops, {
      ...(options.direction === 'back' ? { kind: 'rollback', way: 'hot' } : { kind: 'hot' }),
      commit,
      subject,
      imageId: imageId ?? facts.app.imageId,
      backup: backup?.dir,
      verdict: {
        en: `proved: every file, ${workers.length} new workers, healthy`,
        zh: `已验证: 所有文件, ${workers.length} 个新 worker, 健康`,
      },
    }),
  );
  // Left by a rebuild or a way back that was killed: once this container is proved, nobody goes back to another one.
  await attempt(() => discardFormers(calm, facts.stack, ['app'], facts.app.id));
  // The last: as long as it is there, the next update knows that this one did not get to its end.
  const swept = await attempt(async () => {
    await retryWhileRestarting(calm, staging.container, () => sweepAll(calm, staging));
    return true;
  });
  if (!swept) left.push(stays(staging.dir));
  return { imageId, notBuilt, left };
}

const stays = (dir: string): Text => ({
  en: `${dir} stays in the container. The next update takes this one for unfinished, and replaces everything once more.`,
  zh: `${dir} 仍留在容器中. 下次更新会认为本次未完成, 并重新替换全部内容.`,
});

/** The release before ours: it can be gone back to, although its own release is not recorded. */
function noteFound(ops: Ops, { running, app }: Facts): void {
  const { commit, subject = '' } = running;
  if (commit === undefined || readReleases(ops.paths).some((r) => r.commit === commit)) return;
  recordRelease(ops, { kind: 'found', commit, subject, imageId: app.imageId });
}
