import { firstAbort } from '../../core/concurrency.ts';
import type { Channel, Watched } from '../../core/notify.ts';
import type { Ops } from '../../core/ops.ts';
import type { Language, Text } from '../../core/text.ts';
import { dingtalk } from '../../tools/alerts/dingtalk.ts';
import { feishu } from '../../tools/alerts/feishu.ts';
import { handOver, viaSendmail, viaSmtp } from '../../tools/alerts/mail.ts';
import { pingRefusal, pingUrl, type Signal } from '../../tools/alerts/ping.ts';
import { type Failure, type HttpChannel, type Message, send, TOO_LATE } from '../../tools/alerts/post.ts';
import { slack } from '../../tools/alerts/slack.ts';
import { webhook } from '../../tools/alerts/webhook.ts';
import { wecom } from '../../tools/alerts/wecom.ts';
import { addressesOf, addressOf } from './addresses.ts';
import { recordDelivery } from './deliveries.ts';
import { type Event, isNews, messageOf } from './event.ts';

/** So long a run waits at most for all whom it tells. */
export const TELL_MS = 10_000;

const LONGEST_FAILURE = 300;

/** Somebody, and whether it got there. */
export interface Told {
  readonly to: string;
  readonly failure: Failure;
}

/** Tells all who want to know, side by side, and writes down whether they could be reached. Never throws. */
export async function deliver(ops: Ops, event: Event): Promise<readonly Told[]> {
  const { channels, language = ops.screen.language } = ops.target.notify;
  const wanted = channels.filter((c) => c.when === 'every-run' || isNews(event.kind));
  return Promise.all(wanted.map((channel) => deliverTo(ops, channel, event, language)));
}

/** Tells one of them, whatever it wants to know. Never throws. */
export async function deliverTo(ops: Ops, channel: Channel, event: Event, language: Language): Promise<Told> {
  const message = redacted(ops, messageOf(event, language));
  return noted(ops, channel.name, (timed) => overChannel(timed, channel, message));
}

/** Tells the dead-man's switch of a backup or drill. Never throws. `undefined`: there is none. */
export async function ping(
  ops: Ops,
  watched: Watched,
  signal: Signal,
  about: Text | undefined,
): Promise<Told | undefined> {
  const kept = ops.target.notify.watch[watched]?.ping;
  if (kept === undefined) return undefined;
  const body = about === undefined ? '' : ops.secrets.redact(about.en);
  return noted(ops, `ping.${watched}`, async (timed) => {
    const address = addressOf(timed, kept);
    if ('missing' in address) return address.missing;
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    return send(timed, () => ({ url: pingUrl(address.value, signal), headers, body }), pingRefusal);
  });
}

async function noted(ops: Ops, to: string, attempt: (timed: Ops) => Promise<Failure>): Promise<Told> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error('too late')), TELL_MS);
  const timed = { ...ops, signal: firstAbort(ops.signal, limit.signal) };
  // Whatever goes wrong here, the run ended as it ended.
  const failure = await attempt(timed)
    .catch((): Failure => (limit.signal.aborted ? TOO_LATE : UNEXPECTED))
    .finally(() => clearTimeout(timer));
  const cut = (text: string) => ops.secrets.redact(text).slice(0, LONGEST_FAILURE);
  const clean = failure && { en: cut(failure.en), zh: cut(failure.zh) };
  const at = new Date(ops.clock.now()).toISOString();
  await recordDelivery(ops.paths, to, { at, failure: clean ?? null }).catch(() => undefined);
  return { to, failure: clean };
}

const HTTP: Readonly<Partial<Record<Channel['kind'], HttpChannel>>> = { feishu, dingtalk, wecom, slack, webhook };

async function overChannel(ops: Ops, channel: Channel, message: Message): Promise<Failure> {
  switch (channel.kind) {
    case 'program':
      return handOver(
        ops,
        [channel.path],
        `${JSON.stringify({ ...message.data, title: message.title, text: message.text })}\n`,
      );
    case 'sendmail':
      return viaSendmail(ops, channel, message);
    default: {
      const to = addressesOf(ops, channel);
      if ('missing' in to) return to.missing;
      if (channel.kind === 'smtp') return viaSmtp(to.url, message, channel, TELL_MS);
      const over = HTTP[channel.kind];
      if (over === undefined) throw new Error(`no such channel: ${channel.kind}`);
      return send(ops, () => over.post(message, to, ops.clock.now()), over.refusal);
    }
  }
}

function redacted({ secrets }: Ops, { title, text, data }: Message): Message {
  return { title: secrets.redact(title), text: secrets.redact(text), data: secrets.redactIn(data) };
}

const UNEXPECTED: Text = { en: 'an unexpected error', zh: '意外错误' };
