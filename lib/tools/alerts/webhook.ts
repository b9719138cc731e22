import { createHmac } from 'node:crypto';
import { type HttpChannel, JSON_HEADERS, objectIn } from './post.ts';

/** `t=<seconds>,v1=<hex>`: HMAC-SHA256 of `<seconds>.<body>` under the secret. */
const SIGNATURE = 'x-whalefall-signature';

/** Anything that takes JSON. */
export const webhook: HttpChannel = {
  post({ title, text, data }, { url, secret }, now) {
    const body = JSON.stringify({ ...data, title, text });
    const at = Math.floor(now / 1000);
    const hash = secret === undefined ? undefined : createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
    return { url, headers: { ...JSON_HEADERS, ...(hash && { [SIGNATURE]: `t=${at},v1=${hash}` }) }, body };
  },
  /** Any 2xx is well, unless its JSON says otherwise in one of the usual ways. */
  refusal(body) {
    const said = objectIn(body);
    if (said === undefined) return undefined;
    const code = said.code ?? said.errcode ?? said.StatusCode;
    const no =
      said.ok === false ||
      said.success === false ||
      (typeof code === 'number' && code !== 0 && (code < 200 || code > 299));
    return no || (said.error !== undefined && said.error !== null && said.error !== false && said.error !== '')
      ? body
      : undefined;
  },
};
