import { expect, it } from 'vitest';
import { exampleFacts, exampleTexts, judgeSecrets } from '../../../../lib/domain/env/example.ts';

const judge = (values: Record<string, string>, example: Record<string, string> = {}) =>
  judgeSecrets(values, example, Object.keys(example));

it('names secrets that anybody could guess, and no others', () => {
  const values = {
    POSTGRES_PASSWORD: 'whalefall123',
    REDIS_PASSWORD: 'aaaaaaaaaaaaaaaaaaaa',
    SECRET_KEY: '4bd62f4be50ac8b061821294af42deb2',
    JWT_SECRET_KEY: 'short',
    API_TOKEN: 'My-Passphrase-Is-Long-Enough-99',
    APP_NAME: 'admin',
    EMPTY_PASSWORD: '',
  };
  expect(judge(values)).toEqual({
    missing: [],
    unchanged: [],
    placeholders: [],
    weak: ['POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'JWT_SECRET_KEY'],
  });
});

it('names secrets that still are the example’s, and variables that are new', () => {
  const example = { SECRET_KEY: 'please-replace-this-value-0000', NEW_ONE: '' };
  expect(judge({ SECRET_KEY: 'please-replace-this-value-0000' }, example)).toEqual({
    missing: ['NEW_ONE'],
    unchanged: ['SECRET_KEY'],
    placeholders: [],
    weak: [],
  });
});

it('tells a plan what the release’s example has more, each once, and what still is its value; never a value', () => {
  const example = '# NOT_ME=1\nAPP_NAME=a\nSECRET_KEY=please-replace-this\nNEW_ONE=1\nNEW_ONE=2\nMAIL_HOST=\n';
  const facts = exampleFacts({ APP_NAME: 'a', SECRET_KEY: 'please-replace-this' }, example);
  expect(facts).toMatchObject({ missing: ['NEW_ONE', 'MAIL_HOST'], unchanged: ['SECRET_KEY'] });
  const [missing, unchanged, ...more] = exampleTexts('env.example', facts);
  expect(missing?.en).toContain('env.example of this release has variables that .env lacks: NEW_ONE, MAIL_HOST.');
  expect(unchanged?.en).toBe('.env still has the value of env.example, which everybody can read: SECRET_KEY.');
  expect(more).toEqual([]);
  expect(JSON.stringify([missing, unchanged])).not.toContain('please-replace');
  expect(exampleTexts('env.example', exampleFacts({ APP_NAME: 'x' }, 'APP_NAME=a\n'))).toEqual([]);
});

it.each([
  ...[
    'change-me',
    'CHANGEME',
    'please-replace-this',
    'change_this_value',
    'fill-in',
    'your-domain.cn',
    '<host>',
    'xxx',
  ],
  ...['TODO', 'smtp.example.com', 'https://ops.example.org/hook', 'admin@example.com', '请填写'],
])('tells a plan of a value that nobody has filled in: %s', (value) => {
  const { unchanged, placeholders } = exampleFacts({ MAIL_OPTION: value }, `MAIL_OPTION="${value}"\n`);
  expect({ unchanged, placeholders }).toEqual({ unchanged: [], placeholders: ['MAIL_OPTION'] });
  expect(exampleTexts('env.example', exampleFacts({ MAIL_OPTION: value }, `MAIL_OPTION="${value}"\n`))).toEqual([
    expect.objectContaining({ en: '.env still has the placeholder of env.example: MAIL_OPTION.' }),
  ]);
});

it.each(['INFO', 'production', 'change-log.md', 'yourself', 'localhost', '1.5.0', 'counterexample.com', '鲸落', ''])(
  'is silent about a value of the example that is good for everybody: %j',
  (value) => expect(exampleFacts({ APP: value }, `APP="${value}"\n`).placeholders).toEqual([]),
);

it('is silent about one that somebody has filled in', () =>
  expect(exampleFacts({ MAIL_HOST: 'smtp.corp.cn' }, 'MAIL_HOST=smtp.example.com\n').placeholders).toEqual([]));
