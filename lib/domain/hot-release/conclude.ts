import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { SUMMARY, say, section } from '../../core/screen.ts';
import { joined, printable, same, type Text } from '../../core/text.ts';
import { sayProved } from '../../core/verdict.ts';
import { describeHealth } from '../app/health.ts';
import type { Noticed } from '../hold/downtime.ts';
import { readReleases } from '../ledger/releases.ts';
import { leftAloneWarnings } from '../stack/left-alone.ts';
import type { HotRelease } from './hot-release.ts';
import { getBackText, noticedText } from './messages.ts';
import type { Proven } from './prove.ts';
import type { Settled } from './settle.ts';

export interface Released {
  readonly proven: Proven;
  readonly settled: Settled;
  readonly noticed: Noticed | undefined;
}

/**
 * Shows the summary: only what was measured or seen. Returns the verdict.
 *
 * @throws {OpsError} `needs-person` when the image that was asked for could not be built.
 */
export function conclude(ops: Ops, update: HotRelease, { proven, settled, noticed }: Released): Text {
  const { facts, options, migrated, backup, savedLocal } = update;
  const { running, source } = facts;
  const before = running.proved;
  const { show } = ops.screen;
  const from = before?.commit.slice(0, 10) ?? '?';
  const to = source.commit.slice(0, 10);
  const isBack = options.direction === 'back';
  section(ops.screen, SUMMARY, 'summary', [
    [{ en: 'old release', zh: '旧版本' }, same(printable(`${from} ${before?.subject ?? ''}`))],
    [{ en: 'new release', zh: '新版本' }, same(printable(`${to} ${source.subject}`))],
    [{ en: 'migrations applied', zh: '已执行迁移' }, same(migrated?.applied.join(', ') || '-')],
    [{ en: 'requests', zh: '请求' }, noticedText(noticed)],
    [{ en: 'health', zh: '健康检查' }, describeHealth(proven.health)],
    [{ en: 'backup', zh: '备份' }, same(backup?.dir ?? '-')],
    ...(savedLocal ? [[{ en: 'local changes', zh: '本地修改' }, same(savedLocal.ref)] as [Text, Text]] : []),
    [{ en: 'journal', zh: '运行记录' }, same(ops.paths.run)],
  ]);
  const recorded = readReleases(ops.paths).some((r) => r.commit === before?.commit);
  const way = recorded ? `rollback-prod.ts ${from}` : `update-prod-flask.ts --ref ${before?.commit}`;
  if (before) {
    say(ops.screen, 'info', {
      en: `The way back to the former release: npx tsx scripts/${way}`,
      zh: `回退到之前的版本: npx tsx scripts/${way}`,
    });
  }
  if (savedLocal) show({ event: 'info', text: getBackText(savedLocal) });
  if (facts.stale.length > 0 || facts.files.put.some((f) => /\.(css|js|html)$/.test(f)))
    show({ event: 'info', text: CACHED });
  const brought = settled.imageId === undefined ? 'files' : 'built';
  for (const left of leftAloneWarnings(ops.target, facts.stack, brought)) show({ event: 'warning', ...left });
  for (const text of settled.left) show({ event: 'warning', text });
  if (settled.imageId === undefined) show({ event: 'info', text: isBack ? otherImage(source.commit) : NEWER });
  if (settled.notBuilt) throw notBaked(settled.notBuilt, proven.besides, source.commit);
  const requests = noticedText(noticed);
  return sayProved(
    ops.screen,
    proven.besides,
    isBack
      ? { en: `Gone back and proved: ${to}`, zh: `回退完成并已验证: ${to}` }
      : { en: `Updated and proved: ${to}`, zh: `更新完成并已验证: ${to}` },
    isBack
      ? { en: `went back from ${from} to ${to}; ${requests.en}`, zh: `已从 ${from} 回退到 ${to}; ${requests.zh}` }
      : { en: `updated ${from} to ${to}; ${requests.en}`, zh: `已从 ${from} 更新到 ${to}; ${requests.zh}` },
  );
}

const CACHED: Text = {
  en: 'Pages or styles changed: a browser that shows the old ones keeps them in its cache (Ctrl+F5; macOS Cmd+Shift+R).',
  zh: '静态资源有变化: 若浏览器仍显示旧页面, 请强制刷新 (Ctrl+F5, macOS 为 Cmd+Shift+R).',
};

const NEWER: Text = {
  en: 'The container is newer than its image: recreating it would bring back the former code. --bake, or a full rebuild, makes them one.',
  zh: '容器代码比镜像新: 重建容器会回到旧代码. 使用 --bake 或全量重建可使两者一致.',
};

const bake = (commit: string) => `npx tsx scripts/update-prod-flask.ts --ref ${commit} --bake`;

const otherImage = (commit: string): Text => ({
  en: `The container has its former image, maybe that of another release: recreating it would bring the code in there. To make them one: ${bake(commit)}`,
  zh: `容器的镜像没有变, 可能属于另一个版本: 重建容器会换成镜像中的代码. 使两者一致: ${bake(commit)}`,
});

function notBaked(why: Text, besides: readonly Text[], commit: string): OpsError {
  const but = joined(besides);
  return new OpsError({
    kind: 'needs-person',
    what: {
      en: `The release serves and is proved, but its image could not be built: ${why.en}`,
      zh: `新版本已上线并通过验证, 但镜像构建失败: ${why.zh}`,
    },
    state: {
      en: `Production runs the new release${besides.length > 0 ? `; but: ${but.en}` : '.'}`,
      zh: `生产环境运行的是新版本${besides.length > 0 ? `; 但: ${but.zh}` : '.'}`,
    },
    next: [
      {
        en: `Build it when the cause is mended; until then do not recreate the container: ${bake(commit)}`,
        zh: `排除原因后重新构建镜像; 在此之前请勿重建容器: ${bake(commit)}`,
      },
    ],
  });
}
