import { describe, expect, it } from 'vitest';
import type { Settings } from '../../lib/app/gunicorn.ts';
import { chooseRestart } from '../../lib/update/restart.ts';
import { scheduler, updateFacts, web } from '../support/update-facts.ts';

const settings = (more: Readonly<Record<string, string>> = {}): Settings =>
  new Map(Object.entries({ config: '/x', bind: "['0.0.0.0:5001']", preload_app: 'False', workers: '2', ...more }));
const conf = { from: 'nginx/gunicorn/gunicorn-prod.conf.py', to: '/app/gunicorn.conf.py' };
const supervisor = { from: 'nginx/supervisor/whalefall-prod.conf', to: '/etc/supervisor/conf.d/whalefall.conf' };

describe('auto', () => {
  it('replaces workers one generation by the next when nothing speaks against it', () => {
    expect(chooseRestart('auto', updateFacts(), { before: undefined, after: settings() }).kind).toBe('rolling');
  });

  it('reloads gunicorn when a setting changed, but not for a comment in its file', () => {
    const facts = updateFacts({ copies: [conf] });
    const before = settings();
    expect(chooseRestart('auto', facts, { before, after: settings({ workers: '3' }) }).kind).toBe('reload');
    expect(chooseRestart('auto', facts, { before, after: settings({ config: '/staged' }) }).kind).toBe('rolling');
  });

  it('foretells a reload from the file alone', () => {
    expect(chooseRestart('auto', updateFacts({ copies: [conf] })).kind).toBe('reload');
  });

  it.each([
    ["supervisor's configuration changed", { copies: [supervisor] }, settings(), settings()],
    ['the new release preloads', {}, undefined, settings({ preload_app: 'True' })],
    ['the old release preloads', { copies: [conf] }, settings({ preload_app: 'True' }), settings()],
    ['the address changed', { copies: [conf] }, settings(), settings({ bind: "['0.0.0.0:5003']" })],
    [
      'the web program also schedules',
      {
        programs: {
          all: [],
          web: { ...web, scheduler: 'true' },
          scheduler: undefined,
          uptime: 500,
          booted: 98,
          released: undefined,
        },
      },
      undefined,
      settings(),
    ],
    [
      'the web program may also schedule',
      {
        programs: {
          all: [],
          web: { ...web, scheduler: '' },
          scheduler: undefined,
          uptime: 500,
          booted: 98,
          released: undefined,
        },
      },
      undefined,
      settings(),
    ],
  ])('restarts the container when %s', (_why, facts, before, after) => {
    expect(chooseRestart('auto', updateFacts(facts), { before, after }).kind).toBe('container');
  });

  it('needs no scheduler of its own where the web program surely is none', () => {
    const facts = updateFacts({
      programs: { all: [], web, scheduler: undefined, uptime: 500, booted: 98, released: undefined },
    });
    expect(chooseRestart('auto', facts).kind).toBe('rolling');
    expect(scheduler.scheduler).toBe('true');
  });
});

describe('asked for', () => {
  it('takes a harder way than needed', () => {
    expect(chooseRestart('container', updateFacts()).kind).toBe('container');
  });

  it.each(['rolling', 'reload'] as const)('refuses %s where it would leave old code running', (asked) => {
    const facts = updateFacts({ copies: [supervisor] });
    expect(() => chooseRestart(asked, facts)).toThrow(
      expect.objectContaining({
        kind: 'precondition',
        what: { en: expect.stringContaining('supervisor'), zh: expect.any(String) },
      }),
    );
  });
});
