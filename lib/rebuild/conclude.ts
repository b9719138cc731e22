import path from 'node:path';
import { describeHealth } from '../app/health.ts';
import type { Outage } from '../app/probe.ts';
import type { Ops } from '../host/ops.ts';
import { recordRelease } from '../runbook/releases.ts';
import { printable, type Text } from '../text.ts';
import type { Facts } from './facts.ts';
import type { Proven } from './prove.ts';
import type { PutAside } from './put-aside.ts';
import { outageText } from './talk.ts';

/** Records the release and shows the summary: only what was measured or seen. Returns the verdict. */
export function conclude(ops: Ops, facts: Facts, aside: PutAside, proven: Proven, outage: Outage | undefined): Text {
  const { commit, subject } = facts.checkout;
  const backup = aside.backup?.dir;
  recordRelease(ops.paths, {
    at: new Date(ops.clock.now()).toISOString(),
    kind: 'rebuild',
    commit,
    subject: printable(subject),
    imageId: proven.imageId,
    previousImage: aside.previous?.reference,
    backup,
    run: path.basename(ops.paths.run),
  });
  const { show } = ops.screen;
  const same = (text: string): Text => ({ en: text, zh: text });
  show({ event: 'heading', text: { en: 'Summary', zh: '总结' } });
  show({
    event: 'table',
    id: 'summary',
    rows: [
      [{ en: 'commit', zh: '提交' }, `${commit.slice(0, 10)} ${printable(subject)}`],
      [{ en: 'image', zh: '镜像' }, proven.imageId.slice(0, 19)],
      [{ en: 'health', zh: '健康检查' }, describeHealth(proven.health)[ops.screen.language]],
      [{ en: 'database', zh: '数据库' }, `${proven.tables} tables; ${proven.database[ops.screen.language]}`],
      [{ en: 'backup', zh: '备份' }, backup ?? '-'],
      [{ en: 'production was down', zh: '服务实际中断' }, outageText(outage)],
      [{ en: 'journal', zh: '运行日志' }, ops.paths.run],
    ],
  });
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
  if (aside.previous) {
    const { app } = facts.stack.services;
    show({ event: 'info', text: { en: 'The way back to the former release:', zh: '回退到之前的版本:' } });
    show({
      event: 'info',
      text: same(
        `  docker tag ${aside.previous.reference} ${app.image} && docker compose -f ${ops.target.composeFile} up -d --no-deps ${app.key}`,
      ),
    });
  }
  show({
    event: 'ok',
    text: { en: `Deployed and proved: ${commit.slice(0, 10)}`, zh: `部署完成并已验证: ${commit.slice(0, 10)}` },
  });
  return {
    en: `deployed ${commit}; production was down ${outageText(outage)}`,
    zh: `已部署 ${commit}; 服务中断 ${outageText(outage)}`,
  };
}
