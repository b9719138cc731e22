import { unlessZero } from './dingtalk.ts';
import { atMost, type HttpChannel, JSON_HEADERS } from './post.ts';

/**
 * A group robot of WeCom (企业微信). It has no signature: who knows the key in its URL may send.
 * https://developer.work.weixin.qq.com/document/path/91770
 */
export const wecom: HttpChannel = {
  post({ title, text }, { url }) {
    // At most 2048 bytes; `<@…>` calls people.
    const content = atMost(`${title}\n${text}`.replaceAll('<@', '< @'), 2_000);
    return { url, headers: JSON_HEADERS, body: JSON.stringify({ msgtype: 'text', text: { content } }) };
  },
  refusal: unlessZero,
};
