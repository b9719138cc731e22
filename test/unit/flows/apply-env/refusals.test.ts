import { expect, it } from 'vitest';
import { OpsError } from '../../../../lib/core/errors.ts';
import { targetFor } from '../../../../lib/core/target.ts';
import type { AppFacts } from '../../../../lib/domain/stack/deployment.ts';
import { refuse } from '../../../../lib/flows/apply-env/refusals.ts';
import { container, facts } from '../../../support/facts.ts';

/** What is said no to; '' when nothing is. */
function refused(more: Parameters<typeof facts>[0] = {}, stuck: readonly string[] = []): string {
  try {
    refuse({ target: targetFor('/srv/shop'), facts: facts(more), stuck });
    return '';
  } catch (error) {
    if (!(error instanceof OpsError) || error.kind !== 'precondition') throw error;
    expect(error.next.length).toBeGreaterThan(0);
    return error.what.en;
  }
}

it('goes on where the application alone is replaced', () => expect(refused()).toBe(''));

it('refuses a variable that the image would bring back', () =>
  expect(refused({}, ['MAIL_HOST'])).toMatch(/^MAIL_HOST: no longer in \.env, but the image/));

it.each<[string, Parameters<typeof facts>[0], RegExp]>([
  ['a store that is down', { containers: { app: container('app'), redis: container('redis') } }, /^postgres must run/],
  ['another container of a store', { storesOutdated: ['redis'] }, /another container of redis as well/],
  [
    'code that must not meet its data',
    {
      stopped: {
        app: { run: '20260102T030405Z', moved: { run: '20260102T030405Z-a', what: 'swap', backup: undefined } },
      },
    },
    /must not start on the data as it is: run 20260102T030405Z-a had begun to put another database in its place/,
  ],
  ['another password', { login: 'wrong-password' }, /can't log in to PostgreSQL: wrong password/],
  ['no login', { login: { error: 'no pg_hba.conf entry' } }, /can't log in to PostgreSQL: no pg_hba\.conf entry/],
  [
    'userdata elsewhere',
    {
      data: {
        ...facts().data,
        homes: [
          {
            role: 'app',
            directory: '/app/userdata',
            now: { kind: 'bind', source: '/srv/a', path: '' },
            next: { kind: 'bind', source: '/srv/b', path: '' },
          },
        ],
      },
    },
    /userdata \(\/app\/userdata\) is in the host's directory \/srv\/a; the next container would look in the host's directory \/srv\/b/,
  ],
  [
    'userdata that has no room',
    { freeBytes: 10, app: { ...facts().app, userdataBytes: 11 } as AppFacts },
    /userdata has 11 B/,
  ],
  [
    'a port that is taken',
    {
      unusablePorts: [{ port: { target: 80, published: 80, hostIp: '0.0.0.0', protocol: 'tcp' }, why: 'taken' }],
    },
    /Port 0\.0\.0\.0:80 is taken/,
  ],
])('refuses %s', (_, more, says) => expect(refused(more)).toMatch(says));

it('wants no room for userdata that is mounted', () => {
  const app = container('app', { mounts: [{ kind: 'volume', source: 'shop_userdata', target: '/app/userdata' }] });
  const containers = { ...facts().containers, app };
  expect(refused({ freeBytes: 10, app: { ...facts().app, userdataBytes: 11 } as AppFacts, containers })).toBe('');
});

it('says all that is in the way at once', () => {
  const said = refused({ storesOutdated: ['postgres'], login: 'wrong-password' });
  expect(said.split('\n')).toHaveLength(2);
});
