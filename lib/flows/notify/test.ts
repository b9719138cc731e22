import os from 'node:os';
import type { Channel } from '../../core/notify.ts';
import { WATCHED } from '../../core/notify.ts';
import type { Ops } from '../../core/ops.ts';
import { say } from '../../core/screen.ts';
import type { Text } from '../../core/text.ts';
import { addressOf } from '../../domain/alerts/addresses.ts';
import { deliverTo } from '../../domain/alerts/deliver.ts';
import type { Event } from '../../domain/alerts/event.ts';

/** Sends each of the channels a word that is marked as a test. A dead-man's switch is not touched: it would take that for a success. */
export async function test(ops: Ops, channels: readonly Channel[]): Promise<Text & { readonly exitCode: number }> {
  const { language = ops.screen.language } = ops.target.notify;
  const event = testEvent(ops);
  const all = await Promise.all(channels.map((channel) => deliverTo(ops, channel, event, language)));
  for (const { to, failure } of all) {
    if (failure) ops.screen.show({ event: 'error', text: { en: `${to}: ${failure.en}`, zh: `${to}: ${failure.zh}` } });
    else ops.screen.show({ event: 'ok', text: { en: `${to} accepted it`, zh: `${to} 已接收` } });
  }
  const missing = sayPings(ops);
  const failed = all.filter((told) => told.failure).length + missing;
  return failed > 0
    ? { en: `${failed} could not be reached`, zh: `${failed} 个无法送达`, exitCode: 1 }
    : { en: `${all.length} sent; check that they arrived`, zh: `已通知 ${all.length} 个, 请确认是否收到`, exitCode: 0 };
}

/** @returns how many have no address */
function sayPings(ops: Ops): number {
  let missing = 0;
  for (const watched of WATCHED) {
    const kept = ops.target.notify.watch[watched]?.ping;
    const address = kept && addressOf(ops, kept);
    if (address === undefined) continue;
    if ('missing' in address) {
      missing += 1;
      ops.screen.show({
        event: 'error',
        text: { en: `ping.${watched}: ${address.missing.en}`, zh: `ping.${watched}: ${address.missing.zh}` },
      });
    } else {
      say(ops.screen, 'info', {
        en: `ping.${watched}: its address is there; it is not asked, for that would count as a success`,
        zh: `ping.${watched}: 地址已就绪; 不做实际请求, 以免被记为成功`,
      });
    }
  }
  return missing;
}

const testEvent = (ops: Ops): Event => ({
  kind: 'test',
  subject: 'notify test',
  host: os.hostname(),
  stack: undefined,
  dir: ops.target.dir,
  ended: { at: new Date(ops.clock.now()).toISOString(), exitCode: 0, run: null, took: 0, requests: null, bytes: null },
  what: { en: 'Nothing happened: this is a test.', zh: '这是一条测试消息, 没有发生任何事情.' },
  state: undefined,
  next: [],
});
