import { expect, it } from 'vitest';
import { judgeSecrets } from '../../../../lib/flows/doctor/example.ts';

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
    weak: ['POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'JWT_SECRET_KEY'],
  });
});

it('names secrets that still are the example’s, and variables that are new', () => {
  const example = { SECRET_KEY: 'please-replace-this-value-0000', NEW_ONE: '' };
  expect(judge({ SECRET_KEY: 'please-replace-this-value-0000' }, example)).toEqual({
    missing: ['NEW_ONE'],
    unchanged: ['SECRET_KEY'],
    weak: [],
  });
});
