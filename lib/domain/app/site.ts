import { randomUUID } from 'node:crypto';
import { z } from 'zod';
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
    args: {
      template: `${staging.tree}/${from}`,
      rendered: renderedSite(staging),
      env: `${ops.target.app.root}/.env`,
    },
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

const RELOAD = 'rm -rf /var/cache/nginx/*; nginx -t -q && nginx -s reload';

/** Empties nginx's cache and has it read its configuration again, which drops no connection. Tested first. */
export async function reloadNginx(ops: Ops, container: string): Promise<void> {
  await run(ops, exec('change', container, ['sh', '-c', RELOAD]));
}
