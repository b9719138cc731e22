import { expect, it } from 'vitest';
import { scrubbed } from '../../../../lib/flows/doctor/scrub.ts';

it.each([
  ['could not connect to redis://:hunter2pw@redis:6379/0', 'hunter2pw'],
  ['postgresql+psycopg://shop:p%40ss-word@postgres:5432/shop refused', 'p%40ss-word'],
  ['Authorization: Bearer abcdefghijklmnop', 'abcdefghijklmnop'],
  ['"cookie": "session=abc.def.ghi; a=b"', 'abc.def.ghi'],
  ['ldap bind failed, password=Winter2026! user=cn=x', 'Winter2026!'],
  ['{"api_key": "k-123456789"}', 'k-123456789'],
  ['token eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.abcdefghij', 'eyJzdWIiOiIxMjM0'],
  ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----', 'MHcCAQEE'],
  ['"GET /reset?code=one-time-code HTTP/1.1" 200', 'one-time-code'],
])('takes out what looks like a secret: %s', (text, secret) => {
  expect(scrubbed(text)).not.toContain(secret);
});

it('leaves what helps', () => {
  const text = [
    '[2026-11-28 17:49:30 +0000] [34] [CRITICAL] WORKER TIMEOUT (pid:36)',
    '"GET /api/v1/health/basic HTTP/1.1" 502',
    'FATAL: password authentication failed for user "shop"',
    'Traceback: File "/app/app/api/data.py", line 12, in load',
  ].join('\n');
  expect(scrubbed(text)).toBe(text);
});
