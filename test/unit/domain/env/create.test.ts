import { expect, it } from 'vitest';
import { createEnvText } from '../../../../lib/domain/env/create.ts';
import { readEnvText } from '../../../../lib/domain/env/file.ts';
import { envProblems } from '../../../../lib/domain/env/schema.ts';

const EXAMPLE = `# 数据库
POSTGRES_DB=whalefall_prod
POSTGRES_USER=whalefall_user
POSTGRES_PASSWORD=
REDIS_PASSWORD='' # fill in

SECRET_KEY=""
JWT_SECRET_KEY=
BCRYPT_LOG_ROUNDS=12
PASSWORD_ENCRYPTION_KEY=   # keep it
APP_NAME=鲸落
APP_VERSION=1.3.6
FLASK_ENV=production
FLASK_DEBUG=0
LOG_LEVEL=INFO
CACHE_TYPE=redis
CACHE_REDIS_URL=redis://:\${REDIS_PASSWORD}@redis:6379/0
DATABASE_URL=postgresql+psycopg://whalefall_user:\${POSTGRES_PASSWORD}@postgres:5432/whalefall_prod
PERMANENT_SESSION_LIFETIME=3600
HTTP_PROXY=
`;

/** Bytes that give every character of the alphabets, and a different run each time. */
function counter() {
  let n = 0;
  return (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => (n++ * 53 + 251) % 256));
}

it('fills empty secrets with values on which all rules and readers agree, each its own', () => {
  const made = createEnvText(EXAMPLE, counter());
  if (!made.ok) throw new Error('refused');
  const { values, findings } = readEnvText(made.text);
  expect(findings).toEqual([]);
  expect(envProblems(values, { postgres: 'postgres', redis: 'redis' })).toEqual([]);
  expect(made.generated).toEqual([
    'POSTGRES_PASSWORD',
    'REDIS_PASSWORD',
    'SECRET_KEY',
    'JWT_SECRET_KEY',
    'PASSWORD_ENCRYPTION_KEY',
  ]);
  const secrets = made.generated.map((name) => values[name] ?? '');
  expect(new Set(secrets).size).toBe(5);
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{43,64}=?$/);
  expect(encodeURIComponent(values['POSTGRES_PASSWORD'] ?? '')).toBe(values['POSTGRES_PASSWORD']);
  expect(values['DATABASE_URL']).toContain(`:${values['POSTGRES_PASSWORD']}@`);
});

it('keeps every other line and every comment as it is', () => {
  const made = createEnvText(EXAMPLE, counter());
  if (!made.ok) throw new Error('refused');
  const blank = (text: string) => text.replace(/^(\w*(?:PASSWORD|_KEY)=)[^ \n]*/gm, '$1').replace(/=\s+#/g, '= #');
  expect(blank(made.text)).toBe(blank(EXAMPLE));
  expect(made.text).toMatch(/^REDIS_PASSWORD=[0-9a-f]{64} # fill in$/m);
});

it('keeps a secret that the example has', () => {
  const made = createEnvText(EXAMPLE.replace('SECRET_KEY=""', 'SECRET_KEY=given'), counter());
  expect(made).toMatchObject({ ok: true, text: expect.stringContaining('\nSECRET_KEY=given\n') });
  expect(made.ok && made.generated).not.toContain('SECRET_KEY');
});

it('does not add a JWT_SECRET_KEY that the release does not know', () => {
  const made = createEnvText(EXAMPLE.replace('JWT_SECRET_KEY=\n', ''), counter());
  expect(made).toMatchObject({ ok: true, text: expect.not.stringContaining('JWT') });
});

it('names everything that a person must fill in', () => {
  const example = EXAMPLE.replace('POSTGRES_DB=whalefall_prod', 'POSTGRES_DB=').replace('LOG_LEVEL=INFO\n', '');
  expect(createEnvText(example, counter())).toEqual({ ok: false, missing: ['POSTGRES_DB', 'LOG_LEVEL'], findings: [] });
});

it('names what is wrong with the example itself', () => {
  const made = createEnvText(EXAMPLE.replace('APP_NAME=鲸落', 'APP_NAME=Whale Fall'), counter());
  expect(made).toMatchObject({ ok: false, missing: [], findings: [{ variable: 'APP_NAME' }] });
  expect(createEnvText(EXAMPLE.replaceAll('\n', '\r\n'), counter())).toMatchObject({
    ok: false,
    findings: [{ line: 1 }],
  });
});
