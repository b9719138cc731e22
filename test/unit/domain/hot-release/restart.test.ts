import { describe, expect, it } from 'vitest';
import type { Settings } from '../../../../lib/domain/app/gunicorn.ts';
import { chooseRestart, requireAgreed, type Way, wayOf } from '../../../../lib/domain/hot-release/restart.ts';
import { scheduler, updateFacts, web } from '../../../support/update-facts.ts';

const settings = (more: Readonly<Record<string, string>> = {}): Settings =>
  new Map(Object.entries({ config: '/x', bind: "['0.0.0.0:5001']", preload_app: 'False', workers: '2', ...more }));
const conf = { from: 'nginx/gunicorn/gunicorn-prod.conf.py', to: '/app/gunicorn.conf.py' };
const supervisor = { from: 'nginx/supervisor/whalefall-prod.conf', to: '/etc/supervisor/conf.d/whalefall.conf' };

describe('auto', () => {
  it('replaces workers one generation by the next when nothing speaks against it', () => {
    expect(chooseRestart('auto', updateFacts(), '/app', { before: undefined, after: settings() }).kind).toBe('rolling');
  });

  it('reloads gunicorn when a setting changed, but not for a comment in its file', () => {
    const facts = updateFacts({ copies: [conf] });
    const before = settings();
    expect(chooseRestart('auto', facts, '/app', { before, after: settings({ workers: '3' }) }).kind).toBe('reload');
    expect(chooseRestart('auto', facts, '/app', { before, after: settings({ config: '/staged' }) }).kind).toBe(
      'rolling',
    );
  });

  it('foretells a restart of the container where what runs preloads the application', () => {
    const preloading = { ...web, settings: { preload_app: true } };
    const facts = updateFacts({ programs: { ...updateFacts().programs, web: preloading } });
    expect(chooseRestart('auto', facts, '/app').kind).toBe('container');
    expect(() => chooseRestart('rolling', facts, '/app')).toThrow('gunicorn preloads the application');
  });

  it('foretells a reload from the file alone', () => {
    expect(chooseRestart('auto', updateFacts({ copies: [conf] }), '/app').kind).toBe('reload');
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
          companions: [],
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
          companions: [],
          uptime: 500,
          booted: 98,
          released: undefined,
        },
      },
      undefined,
      settings(),
    ],
  ])('restarts the container when %s', (_why, facts, before, after) => {
    expect(chooseRestart('auto', updateFacts(facts), '/app', { before, after }).kind).toBe('container');
  });

  it('needs no scheduler of its own where the web program surely is none', () => {
    const facts = updateFacts({
      programs: { all: [], web, scheduler: undefined, companions: [], uptime: 500, booted: 98, released: undefined },
    });
    expect(chooseRestart('auto', facts, '/app').kind).toBe('rolling');
    expect(scheduler.scheduler).toBe('true');
  });
});

describe('asked for', () => {
  it('takes a harder way than needed', () => {
    expect(chooseRestart('container', updateFacts(), '/app').kind).toBe('container');
  });

  it.each(['rolling', 'reload'] as const)('refuses %s where it would leave old code running', (asked) => {
    const facts = updateFacts({ copies: [supervisor] });
    expect(() => chooseRestart(asked, facts, '/app')).toThrow(
      expect.objectContaining({
        kind: 'precondition',
        what: { en: expect.stringContaining('supervisor'), zh: expect.any(String) },
      }),
    );
  });
});

describe('a program beside the web program', () => {
  const config = 'nginx/gunicorn/gunicorn-scheduler.conf.py';
  const argv = ['/app/.venv/bin/python', '/app/.venv/bin/gunicorn', '--config', `/app/${config}`, 'wsgi:application'];
  const own = { ...scheduler, argv };
  const third = { ...own, name: 'metrics', scheduler: '', workers: [...web.workers] };
  const facts = (more: Parameters<typeof updateFacts>[0] = {}) =>
    updateFacts({ programs: { ...updateFacts().programs, scheduler: own, companions: [own, third] }, ...more });
  const one = (more: Readonly<Record<string, string>> = {}) => settings({ workers: '1', ...more });
  const changed = facts({ files: { ...updateFacts().files, put: [config] } });
  const found = (after: Settings, before?: Settings) => ({ before, after });

  it('gets new workers behind its open socket', () => {
    expect(wayOf(own, facts(), '/app')).toBe('succession');
    expect(wayOf(own, facts(), '/app', found(one()))).toBe('succession');
    expect(wayOf(third, facts(), '/app')).toBe('succession');
    expect(wayOf(third, facts(), '/app', found(settings()))).toBe('succession');
  });

  it('is restarted when what runs preloads, and foretold to be where nobody knows whether it does', () => {
    for (const preload_app of [true, undefined])
      expect(wayOf({ ...own, settings: { preload_app } }, facts(), '/app')).toBe('restart');
    expect(wayOf({ ...own, settings: undefined }, facts(), '/app', found(one()))).toBe('succession');
  });

  it('is restarted when its settings changed, not for a comment in their file', () => {
    expect(wayOf(own, changed, '/app')).toBe('restart');
    expect(wayOf(own, changed, '/app', found(one({ timeout: '9' }), one()))).toBe('restart');
    expect(wayOf(own, changed, '/app', found(one({ config: '/staged' }), one()))).toBe('succession');
  });

  it('is restarted when it preloads, as the next workers would have the old code', () => {
    for (const program of [own, third])
      expect(wayOf(program, facts(), '/app', found(one({ preload_app: 'True' })))).toBe('restart');
  });

  it('is restarted when it schedules with several workers, of which two generations would meet', () => {
    expect(wayOf(own, facts(), '/app', found(settings()))).toBe('restart');
    expect(wayOf({ ...own, workers: web.workers }, facts(), '/app')).toBe('restart');
  });

  it('is restarted when it is no gunicorn', () => {
    const celery = { ...scheduler, argv: ['/app/.venv/bin/python', '-m', 'celery', 'beat'] };
    expect(wayOf(celery, facts(), '/app')).toBe('restart');
  });
});

describe('what was agreed to', () => {
  const ways = (way: Way) => new Map([['whalefall_scheduler', way]]);
  const restart = (kind: 'rolling' | 'reload' | 'container') => ({ kind, why: { en: 'why', zh: 'why' } });
  const judge = (agreed: [Parameters<typeof restart>[0], Way], found: [Parameters<typeof restart>[0], Way]) => () =>
    requireAgreed(
      { restart: restart(agreed[0]), ways: ways(agreed[1]) },
      { restart: restart(found[0]), ways: ways(found[1]) },
      'forward',
    );

  it('is not exceeded: neither by a restart of the container nor by one of a program', () => {
    expect(judge(['rolling', 'restart'], ['container', 'restart'])).toThrow(/The container would have to be restarted/);
    expect(judge(['rolling', 'succession'], ['rolling', 'restart'])).toThrow(
      /^whalefall_scheduler would have to be restarted, which the plan did not say; requests to it would fail/,
    );
  });

  it('may be gentler than the plan said', () => {
    expect(judge(['rolling', 'restart'], ['rolling', 'succession'])).not.toThrow();
    expect(judge(['rolling', 'restart'], ['rolling', 'restart'])).not.toThrow();
    expect(judge(['container', 'succession'], ['container', 'restart'])).not.toThrow();
  });
});

it('foretells a reload also when the configuration lies among the files of the release', () => {
  const at = 'nginx/gunicorn/gunicorn-prod.conf.py';
  const other = { ...web, argv: [...web.argv.slice(0, 2), '--config', `/app/${at}`, 'wsgi:application'] };
  const programs = { ...updateFacts().programs, web: other };
  const facts = updateFacts({ programs, files: { ...updateFacts().files, put: [at] } });
  expect(chooseRestart('auto', facts, '/app').kind).toBe('reload');
});

it.each([
  ['put there', { copies: [conf] }],
  ['taken away', { files: { ...updateFacts().files, remove: ['gunicorn.conf.py'] } }],
])('foretells a reload for a configuration that the command line does not name, and that is %s', (_how, more) => {
  const unnamed = { ...web, argv: ['/app/.venv/bin/gunicorn', 'wsgi:application'], config: '/app/gunicorn.conf.py' };
  const facts = updateFacts({ programs: { ...updateFacts().programs, web: unnamed }, ...more });
  expect(chooseRestart('auto', facts, '/app').kind).toBe('reload');
});
