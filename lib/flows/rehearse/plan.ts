import type { Ops } from '../../core/ops.ts';
import type { PlannedStep } from '../../core/step.ts';
import { humanBytes, printable, same, spanText, type Text } from '../../core/text.ts';
import { verificationText } from '../../domain/backup/messages.ts';
import { lastDrillText } from '../../domain/ledger/drills.ts';
import { showSteps } from '../../runs/steps/show-steps.ts';
import type { Facts } from './facts.ts';
import { limitFlags } from './limits.ts';

/** The steps of a drill, in the order in which `scripts/rehearse.ts` does them. None of them touches production. */
export function plannedSteps({ code, limits, stack }: Facts): PlannedStep[] {
  const step = (id: string, title: Text, ...commands: PlannedStep['commands']): PlannedStep => ({
    id,
    title,
    risk: 'none',
    commands,
  });
  const { postgres, redis, app } = stack.services;
  return [
    code.kind === 'image'
      ? step(
          'image',
          { en: 'Take the image that runs', zh: '使用当前运行的镜像' },
          `docker inspect ${code.imageId.slice(0, 19)}`,
        )
      : step(
          'image',
          { en: 'Build the commit, under a name of the drill', zh: '以演练专用名称构建该提交的镜像' },
          `git archive ${code.commit.slice(0, 10)}; docker compose -p <drill> build ${app.key}`,
        ),
    step(
      'stores',
      {
        en: 'Start an empty PostgreSQL and Redis in a network of their own',
        zh: '在独立隔离网络中启动空的 PostgreSQL 和 Redis',
      },
      'docker network create --internal -o …inhibit_ipv4=true <drill>',
      `docker run --network <drill> ${limitFlags(limits).join(' ')} <${postgres.key}, ${redis.key}>`,
    ),
    step(
      'restore',
      { en: 'Restore the backup and compare every table', zh: '恢复备份并逐表比对' },
      { en: 'pg_restore; compare every table', zh: 'pg_restore; 逐表比对' },
    ),
    step('migrate', { en: 'Run the migrations of the code', zh: '执行该版本的数据库迁移' }, 'flask db upgrade'),
    step(
      'boot',
      { en: 'Boot the application and ask its health from inside', zh: '启动应用并从容器内部检查健康状态' },
      'docker run --network <drill> … ; docker exec <app> curl http://127.0.0.1…',
    ),
    step(
      'remove',
      { en: 'Remove every trace of the drill', zh: '清除全部演练资源' },
      'docker rm -f -v …; docker network rm …',
    ),
  ];
}

/** What was found and what will be done. */
export function showPlan(ops: Ops, facts: Facts, steps: readonly PlannedStep[]): void {
  const { show } = ops.screen;
  const { backup, code, limits } = facts;
  const { manifest } = backup;
  const age = spanText(ops.clock.now() - Date.parse(manifest.createdAt));
  const size = humanBytes(manifest.databaseBytes);
  const level = verificationText(manifest.verification);
  show({ event: 'heading', text: { en: 'What will be rehearsed', zh: '演练内容' } });
  show({
    event: 'table',
    id: 'facts',
    rows: [
      [{ en: 'backup', zh: '备份' }, same(printable(manifest.id))],
      [
        { en: 'its data', zh: '备份数据' },
        { en: `${age.en} old, ${size}, verified: ${level.en}`, zh: `${age.zh}前, ${size}, ${level.zh}` },
      ],
      [{ en: 'code', zh: '代码' }, codeText(facts)],
      [
        { en: 'may use', zh: '资源上限' },
        {
          en: `${limits.cpus} processors and ${humanBytes(limits.memory)} each for database and application; production comes first`,
          zh: `数据库与应用各 ${limits.cpus} 核, ${humanBytes(limits.memory)}; 生产优先`,
        },
      ],
      [{ en: 'last drill', zh: '上次演练' }, lastDrillText(ops.paths, ops.clock.now())],
    ],
  });
  for (const { dir, error } of facts.unusable) {
    const why = printable(error instanceof Error ? error.message : String(error));
    show({
      event: 'warning',
      text: {
        en: `A newer backup can't be used: ${printable(dir)}: ${why}`,
        zh: `较新的备份不可用: ${printable(dir)}: ${why}`,
      },
    });
  }
  if (code.kind === 'build') show({ event: 'info', text: BUILT });
  showSteps(ops.screen, steps);
}

const BUILT: Text = {
  en: 'No image is known to be of this commit, so one is built; the engine sets no limits on a build.',
  zh: '没有该提交的现成镜像, 需要构建; 构建过程不受上述资源上限约束.',
};

/** Commit and where its image comes from. */
export function codeText({ code }: Facts): Text {
  const what = printable(`${code.commit?.slice(0, 10) ?? '?'} ${code.subject}`.trim());
  return code.kind === 'image'
    ? { en: `${what} (the image that runs)`, zh: `${what} (当前运行的镜像)` }
    : { en: `${what} (to be built)`, zh: `${what} (需构建)` };
}
