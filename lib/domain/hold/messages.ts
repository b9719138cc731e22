import { same, seconds, type Text } from '../../core/text.ts';
import { LEASE_MS } from './lease.ts';
import type { HoldFacts } from './survey.ts';

/** What becomes of requests while the application is replaced: for the plan. */
export function holdText(hold: HoldFacts): Text {
  if (hold.kind === 'plain') {
    const until: Text =
      hold.lastTook === undefined
        ? { en: 'refused until the new container has booted', zh: '新容器启动完成之前会被拒绝' }
        : {
            en: `refused until the new container has booted; the last replacement took ${seconds(hold.lastTook)}`,
            zh: `新容器启动完成之前会被拒绝; 上次替换容器用时 ${seconds(hold.lastTook)}`,
          };
    return { en: `${until.en} (${hold.why.en})`, zh: `${until.zh} (${hold.why.zh})` };
  }
  const ports = [...new Set(hold.ports.map((p) => p.published))].join(', ');
  const tried: Text = hold.tried
    ? { en: 'tried just now', zh: '已试验' }
    : { en: 'not tried with --plan', zh: '--plan 不做试验' };
  const except: Text = hold.withoutIpv6
    ? { en: '; over IPv6 they are refused: no ip6tables', zh: '; IPv6 请求会被拒绝: 没有 ip6tables' }
    : { en: '', zh: '' };
  return {
    en: `wait at ports ${ports}, at most ${hold.atMost} s (${tried.en})${except.en}`,
    zh: `在端口 ${ports} 等待, 最长 ${hold.atMost} 秒 (${tried.zh})${except.zh}`,
  };
}

/** What a step does first that has requests wait. */
export function takeInCommands(hold: HoldFacts): (string | Text)[] {
  if (hold.kind === 'plain') return [];
  const seconds = LEASE_MS / 1000;
  return [
    {
      en: 'docker run -i --rm <present image> doorman.py  # takes connections, and keeps them waiting',
      zh: 'docker run -i --rm <当前镜像> doorman.py  # 接收连接并使其等待',
    },
    {
      en: `iptables -t nat: <published ports> → doorman  # ends by itself ${seconds} s after the last renewal`,
      zh: `iptables -t nat: <发布端口> → doorman  # 停止续期 ${seconds} 秒后自动失效`,
    },
  ];
}

/** What a step does first that takes the application away. */
export function holdCommands(hold: HoldFacts): (string | Text)[] {
  if (hold.kind === 'plain') return [];
  return [
    ...takeInCommands(hold),
    {
      en: `kill -QUIT <nginx>; wait for what is under way, ${hold.drainAtMost} s at most; supervisorctl stop <scheduler>, which kills it after its stopwaitsecs (10 s by default)`,
      zh: `kill -QUIT <nginx>; 等待进行中的请求结束, 最长 ${hold.drainAtMost} 秒; supervisorctl stop <调度器>, 超过其 stopwaitsecs (默认 10 秒) 会被强制终止`,
    },
  ];
}

/** What a step does at last that brings the application back. */
export const releaseCommands = (hold: HoldFacts): (string | Text)[] =>
  hold.kind === 'plain'
    ? []
    : [{ en: 'doorman → <application>; iptables: as before', zh: 'doorman → <应用>; iptables 恢复原状' }];

/** How the question calls it. */
export const meanwhile = (hold: HoldFacts): Text =>
  hold.kind === 'plain'
    ? { en: 'Production will be down for a few seconds', zh: '服务将中断数秒' }
    : { en: 'Requests will wait for a few seconds', zh: '请求将等待数秒' };

/** What was held in the end; `-` when nothing was. */
export const seenText = (seen: { readonly held: number; readonly turnedAway: number; readonly cut: number }): Text =>
  seen.held === 0
    ? same('-')
    : {
        en: `${seen.held} connections held; ${seen.turnedAway} got the 503 page, ${seen.cut} were cut`,
        zh: `暂存连接 ${seen.held} 个; 返回 503 页面 ${seen.turnedAway} 个, 被切断 ${seen.cut} 个`,
      };
