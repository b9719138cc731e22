import { type Reason, throwIfAny } from '../../core/refusal.ts';
import { given, printable, same, type Text } from '../../core/text.ts';
import { moved } from '../../domain/replacement/data-refusals.ts';
import { containerRefusals, noRoom } from '../../domain/replacement/refusals.ts';
import { staysStopped } from '../../domain/replacement/stopped.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import type { EnvWay } from './facts.ts';

const REBUILD: Text = {
  en: 'A full rebuild does it, with a backup: npx tsx scripts/deploy-prod-all.ts --data keep',
  zh: '请执行全量重建 (会先备份): npx tsx scripts/deploy-prod-all.ts --data keep',
};

/**
 * Why `.env` can't be applied by replacing the application's container alone. Pure.
 *
 * @throws {OpsError} `precondition` with all reasons at once.
 */
export function refuse({ target, facts: deployed, stuck }: Pick<EnvWay, 'target' | 'facts' | 'stuck'>): void {
  const { stack, containers, app, data, stopped, storesOutdated, login } = deployed;
  const names = (roles: readonly ServiceRole[]) => roles.map((r) => stack.services[r].key).join(', ');
  const down = names((['postgres', 'redis'] as const).filter((role) => containers[role]?.state !== 'running'));
  const refused = typeof login === 'object' ? same(login.error) : login === 'wrong-password' && WRONG_PASSWORD;
  throwIfAny([
    ...given(stuck.length > 0, () => stays(stuck)),
    ...(containers.app && stopped?.app?.moved ? [staysStopped(containers.app, stopped.app.moved)] : []),
    ...containerRefusals(deployed, []),
    ...given(app?.image === 'gone', () => NO_IMAGE),
    ...given(down, () => ({
      text: {
        en: `${down} must run: the application is tried on it with the new .env before anything is replaced.`,
        zh: `${down} 必须处于运行状态: 替换之前要连接它们, 用新的 .env 试运行应用.`,
      },
      fix: REBUILD,
    })),
    ...given(names(storesOutdated), (outdated) => ({
      text: {
        en: `This .env (or the compose file) makes another container of ${outdated} as well, which is not replaced here.`,
        zh: `当前 .env (或 compose 文件) 还会改变 ${outdated} 的容器, 本脚本不会替换它们.`,
      },
      fix: REBUILD,
    })),
    ...given(refused, ({ en, zh }) => ({
      text: {
        en: `With this .env the application can't log in to PostgreSQL: ${en}.`,
        zh: `使用当前 .env, 应用无法登录 PostgreSQL: ${zh}.`,
      },
      fix: REBUILD,
    })),
    ...data.homes.filter((home) => home.role === 'app').flatMap((home) => moved(target, deployed, home)),
    ...given(app?.unreachable, ({ why }) => ({
      text: { en: `userdata: ${why.en}.`, zh: `userdata: ${why.zh}.` },
      fix: REBUILD,
    })),
    ...noRoom(target, deployed),
  ]);
}

const WRONG_PASSWORD: Text = { en: 'wrong password', zh: '密码错误' };

/** The new container is made of the very image. */
const NO_IMAGE: Reason = {
  text: {
    en: 'The engine has no image any more for what runs (a build by hand, image prune): no other container can be made of it.',
    zh: '引擎中已没有正在运行的容器所用的镜像 (手工构建或 image prune), 无法用它创建新容器.',
  },
  fix: REBUILD,
};

const stays = (names: readonly string[]): Reason => ({
  text: {
    en: `${namesText(names)}: no longer in .env, but the image that runs has it (an earlier version of these scripts made it of a hot-updated container, with the container's variables), so a new container would have it again.`,
    zh: `${namesText(names)} 已从 .env 中移除, 但当前镜像带有该变量 (旧版脚本由热更新过的容器提交该镜像时, 一并写入了容器的变量), 新容器仍会得到它.`,
  },
  fix: REBUILD,
});

/** The variables, for people. */
export const namesText = (names: readonly string[]): string => names.map(printable).join(', ');
