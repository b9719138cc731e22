import path from 'node:path';
import { type Ops, uninterruptible } from '../../core/ops.ts';
import { asTyped } from '../../core/run.ts';
import { type Row, SUMMARY, say, section } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { sayProved } from '../../core/verdict.ts';
import { describeHealth } from '../../domain/app/health.ts';
import { type Noticed, outageText } from '../../domain/hold/downtime.ts';
import { seenText } from '../../domain/hold/messages.ts';
import { readReleases, recordRelease } from '../../domain/ledger/releases.ts';
import { collationNow } from '../../domain/replacement/survey-collation.ts';
import { leftAloneWarnings } from '../../domain/stack/left-alone.ts';
import { sortsOtherwise } from './collation.ts';
import type { Proven } from './prove.ts';
import type { Rebuild, Started } from './rebuild.ts';

/** Records the release and shows the summary: only what was measured or seen. Returns the verdict. */
export function conclude(ops: Ops, rebuild: Rebuild, proven: Proven, noticed: Noticed | undefined): Text {
  const { facts, previous, hold } = rebuild;
  const { commit, subject } = facts.checkout;
  const backup = rebuild.backup?.dir;
  const notPutBack = rebuild.removed ? rebuild.userdata : undefined;
  const down = outageText(noticed);
  recordRelease(ops, {
    kind: 'rebuild',
    commit,
    subject,
    imageId: proven.imageId,
    previousImage: previous?.reference,
    previousCommit: facts.app?.commit,
    backup,
    verdict: { en: `proved; production was down ${down.en}`, zh: `已验证; 服务实际中断 ${down.zh}` },
  });
  const { show } = ops.screen;
  section(ops.screen, SUMMARY, 'summary', [
    [{ en: 'commit', zh: '提交' }, same(`${commit.slice(0, 10)} ${printable(subject)}`)],
    [{ en: 'image', zh: '镜像' }, same(proven.imageId.slice(0, 19))],
    [{ en: 'health', zh: '健康检查' }, describeHealth(proven.health)],
    [
      { en: 'database', zh: '数据库' },
      { en: `${proven.tables} tables; ${proven.database.en}`, zh: `${proven.tables} 张表; ${proven.database.zh}` },
    ],
    [{ en: 'backup', zh: '备份' }, same(backup ?? '-')],
    ...(rebuild.losesUserdata && !rebuild.userdata ? [LOST] : []),
    ...(notPutBack ? [[same('userdata'), same(notPutBack.file)] as const] : []),
    [{ en: 'production was down', zh: '服务实际中断' }, down],
    ...(hold.seen.held > 0 ? [[{ en: 'held meanwhile', zh: '期间暂存' }, seenText(hold.seen)] as const] : []),
    [{ en: 'journal', zh: '运行记录' }, same(ops.paths.run)],
  ]);
  if (notPutBack) show({ event: 'info', text: getBackText(rebuild, notPutBack.file) });
  for (const left of leftAloneWarnings(ops.target, facts.stack, 'built')) show({ event: 'warning', ...left });
  for (const p of facts.exposedPorts) {
    show({
      event: 'warning',
      text: {
        en: `Port ${p.published} (${p.target === ops.target.ports.redis ? 'Redis' : 'PostgreSQL'}) is published on ${p.hostIp}: reachable from other machines.`,
        zh: `端口 ${p.published} (${p.target === ops.target.ports.redis ? 'Redis' : 'PostgreSQL'}) 发布在 ${p.hostIp}: 其他机器可以访问.`,
      },
      fix: {
        en: `In ${ops.target.composeFile} write "127.0.0.1:${p.published}:${p.target}", or remove the line, then run this again.`,
        zh: `请在 ${ops.target.composeFile} 中改为 "127.0.0.1:${p.published}:${p.target}" 或删除该行, 然后重新运行.`,
      },
    });
  }
  // To the very commit that was released now, there is no way back by its name.
  const former = facts.app?.commit === commit ? undefined : facts.app?.commit?.slice(0, 10);
  const recorded = readReleases(ops.paths).some((r) => r.commit === facts.app?.commit);
  if (previous && former && recorded) {
    say(ops.screen, 'info', {
      en: `The way back to the former release: npx tsx scripts/rollback-prod.ts ${former}`,
      zh: `回退到之前的版本: npx tsx scripts/rollback-prod.ts ${former}`,
    });
  }
  const short = commit.slice(0, 10);
  return sayProved(
    ops.screen,
    proven.besides,
    { en: `Deployed and proved: ${short}`, zh: `部署完成并已验证: ${short}` },
    { en: `deployed ${commit}; production was down ${down.en}`, zh: `已部署 ${commit}; 服务中断 ${down.zh}` },
  );
}

function getBackText({ target: { app }, replaced }: Rebuild, file: string): Text {
  const id = replaced?.app?.next.slice(0, 12) ?? '?';
  const into = asTyped(['docker', 'cp', '-', `${id}:${path.posix.dirname(app.userdata)}`]);
  const typed = `docker stop ${id} && ${into} < ${asTyped([file])}; docker start ${id}`;
  return {
    en: `userdata of the deleted data is kept and was not put back. To have it again: ${printable(typed)}`,
    zh: `随数据一起保存的 userdata 未放回新容器. 如需放回: ${printable(typed)}`,
  };
}

const LOST: Row = [
  same('userdata'),
  { en: 'lost with consent: it could not be read', zh: '已丢失 (无法读取, 已确认放弃)' },
];

/** After another image of PostgreSQL has taken over what is kept: what is to be typed now. */
export async function tellCollation(ops: Ops, { plan, target }: Rebuild, { stores }: Started): Promise<void> {
  if (!plan.replaces.includes('postgres') || plan.deletes.length > 0) return;
  for (const change of await collationNow(uninterruptible(ops), stores.database))
    ops.screen.show({ event: 'warning', ...sortsOtherwise(target, change) });
}
