import { createHmac } from 'node:crypto';
import { atMost, type HttpChannel, JSON_HEADERS, objectIn } from './post.ts';

/**
 * A custom bot of Feishu or Lark. Signature: HMAC-SHA256 of nothing, under the key `<seconds>\n<secret>`, in base64, beside the message.
 * https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
 */
export const feishu: HttpChannel = {
  post({ title, text }, { url, secret }, now) {
    const timestamp = String(Math.floor(now / 1000));
    const signed = secret === undefined ? {} : { timestamp, sign: signature(timestamp, secret) };
    // The bot takes at most 20 kB; `<at …>` in a text calls people.
    const said = atMost(`${title}\n${text}`, 15_000).replaceAll(/<(?=\/?at\b)/gi, '< ');
    return {
      url,
      headers: JSON_HEADERS,
      body: JSON.stringify({ ...signed, msg_type: 'text', content: { text: said } }),
    };
  },
  /** `{"code":0,"msg":"success"}`; older: `{"StatusCode":0}`. */
  refusal(body) {
    const said = objectIn(body);
    const code = said?.code ?? said?.StatusCode;
    return code === 0 ? undefined : body;
  },
};

const signature = (timestamp: string, secret: string) =>
  createHmac('sha256', `${timestamp}\n${secret}`).update('').digest('base64');
