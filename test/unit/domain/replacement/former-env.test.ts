import { expect, it } from 'vitest';
import { changeSeen } from '../../../../lib/domain/replacement/former-env.ts';

const byImage = { PATH: '/usr/bin', LOG_LEVEL: 'WARNING' };
const container = { ...byImage, LOG_LEVEL: 'INFO', DATABASE_URL: 'postgresql://a', BUILD_HASH: 'c0ffee' };
const environment = { LOG_LEVEL: 'INFO', DATABASE_URL: 'postgresql://a' };

const seen = (present: Readonly<Record<string, string>>, more: Partial<Parameters<typeof changeSeen>[1]> = {}) =>
  changeSeen({ environment: present, fromFiles: ['TOKEN'] }, { container, byImage, stamped: ['BUILD_HASH'], ...more })
    ?.names;

it.each<[string, Readonly<Record<string, string>>, string[] | undefined]>([
  ['nothing', environment, undefined],
  ['another value', { ...environment, LOG_LEVEL: 'DEBUG' }, ['LOG_LEVEL']],
  ['one more', { ...environment, MAIL_HOST: 'mail' }, ['MAIL_HOST']],
  ['one fewer', { LOG_LEVEL: 'INFO' }, ['DATABASE_URL']],
  ['one fewer that the image has another value of', { DATABASE_URL: 'postgresql://a' }, ['LOG_LEVEL']],
  ['what is read from a file', { ...environment, TOKEN: 'in the file' }, undefined],
])('sees %s in what compose would give, not what image and scripts give', (_what, present, names) =>
  expect(seen(present)).toEqual(names),
);

it('leaves a file’s name, and what an image gives that nobody can ask any more, out of it', () => {
  expect(seen(environment, { container: { ...container, TOKEN_FILE: '/run/secrets/token' } })).toBeUndefined();
  // Compose gives each container those of the docker client's own configuration.
  expect(seen(environment, { container: { ...container, HTTP_PROXY: 'http://p', no_proxy: 'a' } })).toBeUndefined();
  expect(seen(environment, { byImage: undefined, container: { ...container, LANG: 'C' } })).toBeUndefined();
});
