import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Secrets } from '../../../lib/core/secrets.ts';
import { printable } from '../../../lib/core/text.ts';

it('removes a secret in every shape that tools give it', () => {
  const hard = fc.constantFrom('+', '/', '=', '%', '$', "'", '"', '\\', ' ', '\u001b', '鲸', '\ud800', '\n');
  const value = fc.array(fc.oneof(hard, fc.string({ minLength: 2, maxLength: 4 })), { minLength: 4, maxLength: 8 });
  fc.assert(
    fc.property(value, (parts) => {
      const secret = `#${parts.join('')}#`;
      const secrets = new Secrets();
      secrets.add(secret);
      const bytes = Buffer.from(secret);
      const shapes = [
        secret,
        printable(secret),
        JSON.stringify(secret).slice(1, -1),
        encodeURIComponent(secret.replace(/\p{Cs}/gu, '\ufffd')),
        bytes.toString('base64'),
        bytes.toString('base64url'),
      ];
      for (const shape of shapes) expect(secrets.redact(`<${shape}>`)).toMatch(/^<\[secret\]=*>$/);
    }),
  );
});

it('leaves no more than an edge of a secret that is encoded behind a name', () => {
  const secrets = new Secrets();
  secrets.add('hunter22-hunter22');
  for (const name of ['u', 'us', 'use', 'user']) {
    const header = Buffer.from(`${name}:hunter22-hunter22`).toString('base64');
    const left = secrets.redact(`Basic ${header}`).replace('[secret]', '');
    expect(left.length).toBeLessThanOrEqual('Basic '.length + 4 + 4 + 4);
  }
});

it('takes the longer of two secrets first, and leaves words that are too short', () => {
  const secrets = new Secrets();
  secrets.add('hunter', 'hunter22', 'abc');
  expect(secrets.redact('hunter22 abc')).toBe('[secret] abc');
});
