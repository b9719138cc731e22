import { describe, expect, it } from 'vitest';
import type { Settings } from '../../../../lib/domain/app/gunicorn.ts';
import { chooseRestart, schedulerWay } from '../../../../lib/domain/hot-release/restart.ts';
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
          others: [],
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
          others: [],
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
      programs: { all: [], web, scheduler: undefined, others: [], uptime: 500, booted: 98, released: undefined },
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

describe("the scheduler's program", () => {
  const config = 'nginx/gunicorn/gunicorn-scheduler.conf.py';
  const argv = ['/app/.venv/bin/python', '/app/.venv/bin/gunicorn', '--config', `/app/${config}`, 'wsgi:application'];
  const own = { ...scheduler, argv };
  const facts = (more: Parameters<typeof updateFacts>[0] = {}) =>
    updateFacts({
      programs: { all: [web, own], web, scheduler: own, others: [], uptime: 500, booted: 98, released: undefined },
      ...more,
    });
  const one = (more: Readonly<Record<string, string>> = {}) => settings({ workers: '1', ...more });
  const changed = facts({ files: { ...updateFacts().files, put: [config] } });

  it('gets a new worker behind its open socket', () => {
    expect(schedulerWay(facts(), '/app', { before: undefined, after: one() })).toBe('succession');
    expect(schedulerWay(facts(), '/app', undefined)).toBe('succession');
  });

  it('is restarted when what runs preloads', () => {
    const preloading = { ...own, settings: { preload_app: true } };
    const programs = { ...facts().programs, scheduler: preloading };
    expect(schedulerWay(facts({ programs }), '/app', undefined)).toBe('restart');
  });

  it('is restarted when its settings changed, not for a comment in their file', () => {
    expect(schedulerWay(changed, '/app', undefined)).toBe('restart');
    expect(schedulerWay(changed, '/app', { before: one(), after: one({ timeout: '9' }) })).toBe('restart');
    expect(schedulerWay(changed, '/app', { before: one(), after: one({ config: '/staged' }) })).toBe('succession');
  });

  it.each([
    ['it preloads: the next worker would have the old code', one({ preload_app: 'True' })],
    ['it has several workers: there would be none for a while, or two generations', settings()],
  ])('is restarted when %s', (_why, after) => {
    expect(schedulerWay(facts(), '/app', { before: undefined, after })).toBe('restart');
  });

  it('is restarted when it is no gunicorn', () => {
    const celery = { ...scheduler, argv: ['/app/.venv/bin/python', '-m', 'celery', 'beat'] };
    const programs = { ...facts().programs, scheduler: celery };
    expect(schedulerWay(facts({ programs }), '/app', undefined)).toBe('restart');
  });
});

it('foretells a reload also when the configuration lies among the files of the release', () => {
  const at = 'nginx/gunicorn/gunicorn-prod.conf.py';
  const other = { ...web, argv: [...web.argv.slice(0, 2), '--config', `/app/${at}`, 'wsgi:application'] };
  const programs = { ...updateFacts().programs, web: other };
  const facts = updateFacts({ programs, files: { ...updateFacts().files, put: [at] } });
  expect(chooseRestart('auto', facts, '/app').kind).toBe('reload');
});
