import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import type { Reason } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { exec } from '../../tools/docker/docker.ts';

/**
 * Whether a container has the state directory of the deploy directory inside, as every image had that was built from the deploy
 * directory itself: dumps, userdata, the admin's password.
 */
export async function holdsState(ops: Ops, container: string): Promise<boolean> {
  const inside = `${ops.target.app.root}/${path.basename(ops.paths.state)}`;
  return (await run(ops, exec('read', container, ['test', '-e', inside]), [0, 1, 126, 127, 137])).exitCode === 0;
}

export const STATE_INSIDE: Text = {
  en: 'The image that runs contains .whalefall-ops: backups, userdata and passwords of this server. This rebuild makes one without.',
  zh: '当前运行的镜像中含有 .whalefall-ops (备份、userdata 和密码). 本次重建的镜像将不再包含.',
};

/** How to be rid of it. @param images under which names they are kept to go back to. */
export function withoutState(images: readonly string[]): Reason {
  const [list, names] = [images.map(printable).join(', '), images.map(printable).join(' ')];
  return {
    text: {
      en: `${list}: contains .whalefall-ops. Whoever has such an image has backups, userdata and passwords of this server.`,
      zh: `${list}: 含有 .whalefall-ops. 持有该镜像的人即拥有本服务器的备份、userdata 和密码.`,
    },
    fix: {
      en: `When they are no longer needed to go back: docker image rm ${names}, likewise copies under other names (docker image ls), and docker builder prune, which empties this machine's build cache. If one was ever pushed or copied, change the passwords.`,
      zh: `不再需要回退时: docker image rm ${names}, 其他名称的副本同样处理 (docker image ls), 并执行 docker builder prune 清空本机构建缓存. 若镜像曾被推送或复制, 请更换密码.`,
    },
  };
}
