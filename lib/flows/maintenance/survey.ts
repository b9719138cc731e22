import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { same } from '../../core/text.ts';
import { claimStack } from '../../domain/data/claim.ts';
import { type Holds, surveyHold } from '../../domain/hold/survey.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { requireLocalEngine } from '../../tools/docker/engine.ts';

export interface Facts {
  readonly app: Container;
  readonly holds: Holds;
}

/**
 * Whether visitors can be led to the page; the application need not run.
 *
 * @param tries with one request of our own; not with `--plan`.
 * @throws {OpsError} `precondition` where that can't be, with the reason.
 */
export async function survey(ops: Ops, tries: boolean): Promise<Facts> {
  const [stack] = await Promise.all([resolveStack(ops), requireLocalEngine(ops)]);
  await claimStack(ops, stack);
  const { app } = await findContainers(ops, stack);
  if (app === undefined)
    throw refuse(
      {
        en: 'The application has no container, so there are no published ports to serve a page on.',
        zh: '应用没有容器, 没有可指向维护页面的发布端口.',
      },
      same('npx tsx scripts/deploy-prod-all.ts'),
    );
  // Nobody waits: who comes is told at once.
  const holds = await surveyHold(ops, app, { wanted: true, atMost: 1, page: true }, tries);
  if (holds.kind === 'holds') return { app, holds };
  throw refuse(
    {
      en: `A maintenance page can't be put up on this machine: ${holds.why.en}`,
      zh: `本机无法启用维护页面: ${holds.why.zh}`,
    },
    { en: 'docs/hold.md says what it takes.', zh: '所需条件见 docs/hold.zh-CN.md.' },
  );
}
