import { allEnded } from '../../core/concurrency.ts';
import type { Ops } from '../../core/ops.ts';
import type { Step } from '../../core/step.ts';
import { describeTrial, endCanary, tryCanary } from '../app/canary.ts';
import { startCanary } from '../app/gunicorn.ts';
import type { Health } from '../app/health.ts';
import type { Checked } from './check.ts';
import type { HotRelease } from './hot-release.ts';
import { keepFormer } from './switch.ts';

/** A worker that can't boot ends gunicorn's master, so the first one to boot is not production's. */
export const canaryStep = (update: HotRelease): Step<Health, [Checked]> => ({
  id: 'canary',
  title: {
    en: 'Boot the release on a private socket and ask its health',
    zh: '在私有 socket 上试运行新版本并检查健康',
  },
  risk: 'none',
  commands: [
    {
      en: 'gunicorn --bind unix:… --workers 1  # no scheduler',
      zh: 'gunicorn --bind unix:… --workers 1  # 不启动调度器',
    },
    {
      en: `GET ${update.target.health.basic}, ${update.target.health.deep[0]}  # several times`,
      zh: `GET ${update.target.health.basic}, ${update.target.health.deep[0]}  # 连续多次`,
    },
  ],
  run: (ops, checked) => tryRelease(ops, update, checked),
  evidence: describeTrial,
});

/**
 * Boots the release on a private socket, unless it has been booting since the check, and requires that it is healthy. What the switch
 * will replace is saved meanwhile.
 */
async function tryRelease(ops: Ops, update: HotRelease, { schema, from }: Checked): Promise<Health> {
  const { staging, facts } = update;
  if (update.canary !== undefined && schema === 'behind') {
    await endCanary(ops, staging, update.canary); // it saw the schema from before the migration
    update.canary = undefined;
  }
  update.canary ??= (await startCanary(ops, staging, facts.programs.web, from)).pid;
  const [health] = await allEnded([tryCanary(ops, staging, update.canary), keepFormer(ops, update)]);
  return health;
}
