import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { exec } from '../../tools/docker/docker.ts';
import { agent } from './agent.ts';
import { type Staging, unfit } from './staging.ts';

const tested = z.object({ ok: z.boolean(), said: z.string(), included: z.boolean() });

/** Where the rendered site of the staged release lies. */
export const renderedSite = (staging: Staging): string => `${staging.dir}/site`;

/**
 * Renders the staged release's nginx site as the next start of the container will, and has nginx test it.
 *
 * @throws {OpsError} with nginx's words: such a container would not come up again.
 */
export async function checkSite(ops: Ops, staging: Staging): Promise<void> {
  const { from } = ops.target.release.site;
  const { ok, said, included } = await agent(ops, staging.container, 'site', {
    effect: 'change',
    args: { template: `${staging.tree}/${from}`, rendered: renderedSite(staging), env: `${ops.target.app.root}/.env` },
    answer: tested,
    deadlineMs: 60_000,
  });
  if (ok) return;
  if (!included) throw refuse(NOT_INCLUDED, INCLUDE_IT);
  const words = printable(ops.secrets.redact(said.trim()));
  throw unfit({
    en: `nginx does not accept the new release's site (${from}); the container would not start with it:\n${words}`,
    zh: `nginx 不接受新版本的站点配置 (${from}), 容器下次将无法启动:\n${words}`,
  });
}

const NOT_INCLUDED: Text = {
  en: '/etc/nginx/nginx.conf in the container includes nothing of sites-enabled: nginx does not use the site that a release brings, and it can’t be tried.',
  zh: '容器中的 /etc/nginx/nginx.conf 没有 include sites-enabled: nginx 不会使用版本自带的站点配置, 也无法试验.',
};
const INCLUDE_IT: Text = {
  en: 'Put the include back into it (a full rebuild brings the image’s own), then run this again.',
  zh: '请恢复其中的 include (全量重建会使用镜像中的 nginx.conf), 然后重新运行.',
};

/**
 * Renders the site that lies in the container as its next start will, and has nginx test it. Leaves nothing behind.
 *
 * @param over variables that `.env` has by now; a file that was replaced is another one in there.
 * @returns `undefined` for a container that renders none.
 */
export function tryNextSite(
  ops: Ops,
  container: string,
  over: Readonly<Record<string, string>>,
): Promise<z.infer<typeof tested> | undefined> {
  return agent(ops, container, 'site', {
    effect: 'read',
    args: {
      template: ops.target.release.site.template,
      rendered: `/dev/shm/.whalefall-ops-site-${randomUUID()}`,
      env: `${ops.target.app.root}/.env`,
      onlyLook: true,
      over,
    },
    answer: tested.nullable().transform((said) => said ?? undefined),
    deadlineMs: 20_000,
  });
}

/** A reload reads the configuration, and goes to whom the file with nginx's number names: `nginx -t` makes that one, empty, where it is missing. */
const RELOADABLE = `{
  nginx -t -q || exit 1
  pid=$(nginx -T 2> /dev/null | sed -n 's/^[[:space:]]*pid[[:space:]][[:space:]]*\\([^;]*\\);.*/\\1/p' | tail -n 1)
  [ -n "$pid" ] || pid=$(nginx -V 2>&1 | sed -n 's/.*--pid-path=\\([^ ]*\\).*/\\1/p')
  case $pid in
  /*) kill -0 "$(cat "$pid")" 2> /dev/null || { echo "nginx: no process has the number in $pid"; exit 1; } ;;
  esac
} 2>&1`;

/**
 * Whether nginx could read its configuration again, as {@link reloadNginx} has it do. Changes nothing.
 *
 * @throws {OpsError} `precondition` with nginx's words.
 */
export async function requireReloadable(ops: Ops, container: string): Promise<void> {
  const look = exec('read', container, ['sh', '-c', RELOADABLE, 'reloadable'], { deadlineMs: 30_000 });
  const { exitCode, stdout } = await run(ops, look, [0, 1]);
  if (exitCode === 0) return;
  const words = printable(ops.secrets.redact(stdout.trim().slice(-2000)));
  throw refuse(
    {
      en: `nginx in the container serves, but does not accept its configuration any more: it could not be told of a release, and the container would not start again.\n${words}`,
      zh: `容器中的 nginx 仍在服务, 但其当前配置已无法通过检查: 既无法让它载入新版本, 容器也无法再次启动.\n${words}`,
    },
    {
      en: 'Correct it in the container (nginx -t there), or make a full rebuild, then run this again. What is wrong: npx tsx scripts/doctor.ts',
      zh: '请在容器中修正 (用 nginx -t 检查), 或执行全量重建, 然后重新运行. 定位问题: npx tsx scripts/doctor.ts',
    },
  );
}

/** Directories stay: nginx makes its temporary ones at its start, and uploads need them. */
const RELOAD = 'nginx -t -q || exit; find /var/cache/nginx -type f -delete 2> /dev/null; nginx -s reload';

/** Empties nginx's cache and has it read its configuration again, which drops no connection. Tested first: where that fails, nothing changes. */
export async function reloadNginx(ops: Ops, container: string): Promise<void> {
  await run(ops, exec('change', container, ['sh', '-c', RELOAD]));
}

/** For a way back, on which all else matters more: says so where it can't be done. */
export async function reloadIfPossible(ops: Ops, container: string): Promise<void> {
  try {
    await reloadNginx(ops, container);
  } catch (error) {
    const { en, zh } = whatHappened(error);
    ops.screen.show({
      event: 'warning',
      text: {
        en: `nginx did not read its configuration again, and may answer from its cache: ${en}`,
        zh: `nginx 未能重新载入配置, 可能仍返回缓存内容: ${zh}`,
      },
    });
  }
}
