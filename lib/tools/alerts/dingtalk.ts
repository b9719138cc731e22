import { createHmac } from 'node:crypto';
import { atMost, type HttpChannel, JSON_HEADERS, objectIn } from './post.ts';

/**
 * A custom robot of DingTalk. Signature: HMAC-SHA256 of `<milliseconds>\n<secret>` under the secret, in base64, as a parameter of the URL.
 * https://open.dingtalk.com/document/robots/customize-robot-security-settings
 */
export const dingtalk: HttpChannel = {
  post({ title, text }, { url, secret }, now) {
    const to = new URL(url);
    if (secret !== undefined) {
      const timestamp = String(now);
      to.searchParams.set('timestamp', timestamp);
      to.searchParams.set('sign', createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64'));
    }
    const content = atMost(`${title}\n${text}`, 15_000); // at most 20 kB
    return { url: to.href, headers: JSON_HEADERS, body: JSON.stringify({ msgtype: 'text', text: { content } }) };
  },
  refusal: unlessZero,
};

/** `{"errcode":0,"errmsg":"ok"}`: also of WeCom. */
export function unlessZero(body: string): string | undefined {
  return objectIn(body)?.errcode === 0 ? undefined : body;
}
