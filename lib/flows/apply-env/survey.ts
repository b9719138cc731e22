import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { envValues } from '../../domain/env/file.ts';
import { staleStamps } from '../../domain/env/stamp.ts';
import { type HoldOptions, surveyHold } from '../../domain/hold/survey.ts';
import { isProved } from '../../domain/images/kept-container.ts';
import { hiddenBy } from '../../domain/release/hidden.ts';
import { describeCommit } from '../../domain/release/source.ts';
import { cutoverOf } from '../../domain/replacement/cutover.ts';
import { surveyRebuild } from '../../domain/replacement/survey.ts';
import { findAllContainers, standbyRole, standbyRun } from '../../domain/stack/containers.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { definitionOf, variablesOf, variablesOfImage } from '../../tools/docker/definition.ts';
import { treeOf } from '../../tools/git/tree.ts';
import type { EnvWay } from './facts.ts';

/**
 * Looks at everything that replacing the container depends on; changes nothing. The application may be down: the wrong `.env` may be why.
 *
 * @param asked.tries whether holding requests is tried: not with `--plan`.
 * @throws {OpsError} `config` with all that is wrong with `.env`; `precondition` when there is no container, or nobody knows its release.
 */
export async function surveyEnv(
  ops: Ops,
  asked: { readonly hold: HoldOptions; readonly tries: boolean },
): Promise<EnvWay> {
  const deployed = await surveyRebuild(ops, true);
  const { app, checkout, containers } = deployed;
  if (containers.app === undefined) throw nothingThere();
  const commit = app?.commit ?? (containers.app.state === 'running' ? undefined : app?.released);
  const described = commit === undefined ? undefined : await describeCommit(ops, commit);
  if (commit === undefined || described === undefined) throw unknownRelease();
  // The compose file may have got a mount since.
  const hidden = hiddenBy(ops.target, deployed.stack.services.app.mounts, (await treeOf(ops, commit)).keys());
  const facts = { ...deployed, checkout: { ...checkout, commit, subject: described.subject }, hidden };
  const requests = await surveyHold(ops, containers.app, asked.hold, asked.tries);
  const has = variablesOf(await definitionOf(ops, containers.app.id));
  const stamps = staleStamps(ops.target, commit, has);
  const change = deployed.envChange;
  const { environment } = facts.stack.services.app;
  const gone = (change?.names ?? []).filter((name) => name in has && !(name in environment));
  const stuck = gone.length === 0 ? [] : await findStuck(ops, containers.app, has, gone);
  const { app: all } = await findAllContainers(ops, facts.stack);
  const isUnproved = all.some((c) => standbyRole(c) === 'before' && !isProved(ops.paths, standbyRun(c)));
  const isDown = containers.app.state !== 'running';
  return { ...cutoverOf(ops.target, facts, requests), change, stuck, stamps, isUnproved, isDown };
}

type Variables = Readonly<Record<string, string>>;

async function findStuck(ops: Ops, app: Container, has: Variables, gone: readonly string[]) {
  const byImage = (await variablesOfImage(ops, app.imageId)) ?? {};
  return stuckOf(gone, { has, byImage, file: envValues(ops) });
}

/**
 * Which variables that compose no longer gives would stay: those of an image that was once made of a container with its variables. What the
 * image itself has, and `.env` too, never came from there. Pure.
 *
 * @param gone names that the container has and compose no longer gives.
 */
export function stuckOf(
  gone: readonly string[],
  { has, byImage, file }: { readonly has: Variables; readonly byImage: Variables; readonly file: Variables },
): string[] {
  return gone.filter((name) => byImage[name] === has[name] && !(name in file));
}

const REBUILD = {
  en: 'A full rebuild makes it of the checked-out commit, with the present .env: npx tsx scripts/deploy-prod-all.ts --data keep',
  zh: '可执行全量重建, 按检出的提交和当前 .env 创建: npx tsx scripts/deploy-prod-all.ts --data keep',
};

const nothingThere = () =>
  refuse(
    { en: 'There is no container of the application that could get another .env.', zh: '没有应用容器, 无法应用 .env.' },
    REBUILD,
  );

const unknownRelease = () =>
  refuse(
    {
      en: 'Which release the container runs is not known, so it can’t be proved that another .env is all that changes.',
      zh: '无法确定容器运行的版本, 因而无法证明只有 .env 发生了变化.',
    },
    REBUILD,
  );
