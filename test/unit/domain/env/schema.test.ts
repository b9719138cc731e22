import { describe, expect, it } from 'vitest';
import { connectionProblems, envProblems } from '../../../../lib/domain/env/schema.ts';

const services = { postgres: 'postgres', redis: 'redis' };

const GOOD = {
  POSTGRES_DB: 'whalefall_prod',
  POSTGRES_USER: 'whalefall_user',
  POSTGRES_PASSWORD: 'pg-S3cret',
  REDIS_PASSWORD: 'rd-S3cret',
  SECRET_KEY: 'sk-S3cret',
  BCRYPT_LOG_ROUNDS: '12',
  PASSWORD_ENCRYPTION_KEY: `${Buffer.alloc(32, 7).toString('base64url')}=`,
  APP_NAME: '鲸落',
  APP_VERSION: '1.3.6',
  FLASK_ENV: 'production',
  FLASK_DEBUG: '0',
  LOG_LEVEL: 'INFO',
  CACHE_TYPE: 'redis',
  CACHE_REDIS_URL: 'redis://:rd-S3cret@redis:6379/0',
  DATABASE_URL: 'postgresql+psycopg://whalefall_user:pg-S3cret@postgres:5432/whalefall_prod',
  PERMANENT_SESSION_LIFETIME: '3600',
};

const check = (changes: Record<string, string | undefined>) =>
  envProblems(
    Object.fromEntries(
      Object.entries({ ...GOOD, ...changes }).filter((e): e is [string, string] => e[1] !== undefined),
    ),
    services,
  );
const wrong = (changes: Record<string, string | undefined>) => check(changes).map((p) => p.variable);

it('accepts a good configuration, with or without JWT_SECRET_KEY and unknown variables', () => {
  expect(check({})).toEqual([]);
  expect(check({ JWT_SECRET_KEY: 'x', SOMETHING: '' })).toEqual([]);
});

it.each(Object.keys(GOOD))('demands %s, defined and not empty', (variable) => {
  expect(check({ [variable]: undefined })).toMatchObject([
    { variable, rule: { en: expect.stringContaining('define') } },
  ]);
  expect(check({ [variable]: '' })).toMatchObject([{ variable, rule: { en: expect.stringContaining('empty') } }]);
});

it('lists all problems at once', () => {
  expect(envProblems({}, services).map((p) => p.variable)).toEqual(Object.keys(GOOD));
});

it('neither misses nor checks a variable whose value is not certain', () => {
  const { POSTGRES_PASSWORD: _, ...rest } = GOOD;
  expect(envProblems(rest, services, new Set(['POSTGRES_PASSWORD']))).toEqual([]);
});

describe.each<[string, string[], string[]]>([
  ['BCRYPT_LOG_ROUNDS', ['4', '20'], ['3', '21', '12.5', 'twelve', '-4', '1e1']],
  ['PERMANENT_SESSION_LIFETIME', ['300', '86400'], ['299', '5m', '1e9', '']],
  ['FLASK_DEBUG', ['0', '1', 'true', 'false'], ['yes', 'True', '2']],
  ['FLASK_PORT', ['1024', '65535', ''], ['1023', '65536', '80', 'x']],
  [
    'PASSWORD_ENCRYPTION_KEY',
    ['-_'.padEnd(43, 'A'), '+/'.padEnd(43, 'A')].map((k) => `${k}=`),
    ['x', `${'A'.repeat(42)}=`, 'A'.repeat(44), `${'A'.repeat(43)}= `],
  ],
])('%s', (variable, good, bad) => {
  it.each(good)('may be %j', (value) => expect(wrong({ [variable]: value })).toEqual([]));
  it.each(bad)('may not be %j', (value) => expect(wrong({ [variable]: value })).toEqual([variable]));
});

it.each([' ', ';', '&', '|', '<', '>', '(', ')', "'", '"', '`', '\\'])(
  'refuses a Redis password with %j, at which compose would cut it off',
  (c) => {
    const password = `p${c}w`;
    const url = `redis://:${encodeURIComponent(password).replace(/[!'()*]/g, (x) => `%${x.charCodeAt(0).toString(16)}`)}@redis:6379/0`;
    expect(wrong({ REDIS_PASSWORD: password, CACHE_REDIS_URL: url })).toEqual(['REDIS_PASSWORD']);
  },
);

it('refuses a Redis password that would be taken for an option', () => {
  expect(wrong({ REDIS_PASSWORD: '-x', CACHE_REDIS_URL: 'redis://:-x@redis:6379/0' })).toEqual(['REDIS_PASSWORD']);
});

describe('DATABASE_URL', () => {
  const url = (changes: Partial<Record<'scheme' | 'user' | 'password' | 'host' | 'db', string>>) => {
    const p = {
      scheme: 'postgresql+psycopg',
      user: 'whalefall_user',
      password: 'pg-S3cret',
      host: 'postgres:5432',
      db: 'whalefall_prod',
      ...changes,
    };
    return `${p.scheme}://${p.user}:${p.password}@${p.host}/${p.db}`;
  };
  const rules = (value: string, more = {}) => check({ DATABASE_URL: value, ...more }).map((p) => p.rule.en);

  it('may have percent-encoded parts, parameters and no port', () => {
    for (const password of ['p@ss', 'a:b/c', '100%', '鲸落', '$#\' "']) {
      const DATABASE_URL = url({ password: encodeURIComponent(password) });
      expect(rules(DATABASE_URL, { POSTGRES_PASSWORD: password })).toEqual([]);
    }
    expect(rules(`${url({ host: 'postgres' })}?connect_timeout=5`)).toEqual([]);
  });

  it.each([
    ['scheme', { scheme: 'postgresql' }, 'must be postgresql+psycopg'],
    ['unencoded @', { password: 'pg@S3cret' }, 'must be postgresql+psycopg'],
    ['user', { user: 'postgres' }, 'POSTGRES_USER'],
    ['password', { password: 'other' }, 'POSTGRES_PASSWORD'],
    ['database', { db: 'other' }, 'POSTGRES_DB'],
    ['host', { host: 'localhost:5432' }, 'service postgres'],
  ] as const)('must fit: %s', (_, changes, rule) => {
    expect(rules(url(changes))).toEqual([expect.stringContaining(rule)]);
  });

  it('says that another role logs in, whose password is another one', () => {
    expect(rules(url({ user: 'reporting', password: 'other' }))).toEqual([
      expect.stringMatching(/^logs in as another role than POSTGRES_USER\./),
    ]);
  });

  it('must encode a percent sign', () => {
    expect(rules(url({ password: 'p%41' }), { POSTGRES_PASSWORD: 'p%41' })).toEqual([
      expect.stringContaining('POSTGRES_PASSWORD'),
    ]);
  });
});

it.each([
  ['other password', 'redis://:other@redis:6379/0', 'REDIS_PASSWORD'],
  ['no password', 'redis://redis:6379/0', 'REDIS_PASSWORD'],
  ['other host', 'redis://:rd-S3cret@localhost:6379/0', 'service redis'],
  ['no database number', 'redis://:rd-S3cret@redis:6379', 'must be redis://'],
])('CACHE_REDIS_URL must fit: %s', (_, CACHE_REDIS_URL, rule) => {
  expect(check({ CACHE_REDIS_URL }).map((p) => p.rule.en)).toEqual([expect.stringContaining(rule)]);
});

it('judges a container’s environment by the same measure', () => {
  const environment = {
    ...GOOD,
    POSTGRES_PASSWORD: 'p@ss',
    DATABASE_URL: GOOD.DATABASE_URL.replace('pg-S3cret', 'p%40sx'),
  };
  expect(connectionProblems(environment, services).map((p) => p.variable)).toEqual(['DATABASE_URL']);
});

it('never says a value', () => {
  const marked = Object.fromEntries(Object.keys(GOOD).map((k) => [k, `MARK ${k.length}`]));
  const odd = {
    ...marked,
    DATABASE_URL: 'postgresql+psycopg://MARK:MARK@MARK:1/MARK',
    CACHE_REDIS_URL: 'redis://:MARK@MARK/0',
  };
  expect(JSON.stringify(envProblems(odd, services))).not.toContain('MARK');
  expect(envProblems(odd, services).length).toBeGreaterThan(6);
});
