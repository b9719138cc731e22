import { expect, it } from 'vitest';
import type { Changes } from '../../sandbox/sandbox.ts';
import { itInFull, some } from '../thorough.ts';
import { stepBegins } from './disturb.ts';
import { expectOld } from './judge.ts';
import { began, finished, update } from './run.ts';
import { edited, GUNICORN, NGINX } from './sources.ts';
import type { Stack } from './stack.ts';

/** What is wrong, the release, and what the operator must find in the output. */
type Broken = readonly [
  what: string,
  changes: Changes | ((stack: Stack) => Changes),
  says: RegExp,
  /** It boots, and only never gets healthy: that is waited for as long as a boot may take. */
  waits?: 'waits',
];

const SYNTAX_ERROR = 'def broken(:\n    pass\n';
export const BROKEN: readonly Broken[] = [
  ['a syntax error in a module', { files: { 'app/api/data.py': SYNTAX_ERROR } }, /app\/api\/data\.py|SyntaxError/],
  ['a syntax error in a module nobody imports yet', { files: { 'app/api/later.py': SYNTAX_ERROR } }, /later\.py/],
  ['a package that cannot be imported', { import_error: true }, /import_error/],
  ['a factory that raises', { factory_error: true }, /factory_error/],
  ['an entry module that raises', { wsgi_error: true }, /wsgi_error/],
  ['an answer of 500 to everything', { error_500: true }, /500/, 'waits'],
  ['an unhealthy basic check', { never_healthy: true }, /503/, 'waits'],
  ['a healthy start but an unhealthy deep check', { deep_unhealthy: true }, /unhealthy/, 'waits'],
  ['a boot that hangs', { boot_hang: true }, /15 s|within|deadline/, 'waits'],
  [
    'a model that needs a column which no migration makes',
    { needs_column: 'flavour' },
    /database error|unhealthy/,
    'waits',
  ],
  ['a scheduler that cannot start', { scheduler_error: true }, /scheduler/, 'waits'],
  ['a gunicorn config with a syntax error', { files: { [GUNICORN]: SYNTAX_ERROR } }, /gunicorn/],
  [
    'a gunicorn config that raises',
    (stack) => ({ files: { [GUNICORN]: edited(stack, GUNICORN, 'workers = 2', 'workers = int("two")') } }),
    /invalid literal|ValueError|gunicorn/,
  ],
  [
    'a scheduler config that raises',
    { files: { 'nginx/gunicorn/gunicorn-scheduler.conf.py': '1 / 0\n' } },
    /scheduler/,
  ],
  ['a release.json that is no JSON', { files: { 'release.json': '{"marker": "broken"\n' } }, /JSON/],
  ['a deleted entry module', { files: { 'wsgi.py': null } }, /wsgi/],
];

/** Releases that must be found out before a user meets them. */
export function brokenCases(stack: () => Stack): void {
  for (const [what, changes, says, waits] of some(BROKEN, 2)) {
    it(`keeps the old release for ${what}`, async () => {
      const { on = stack().base, ...broken } = typeof changes === 'function' ? changes(stack()) : changes;
      await stack().sandbox.release({ on, ...broken });
      if (waits) stack().patience(15);
      const run = await update(stack()).finally(() => stack().patience());
      await expectOld(stack(), run, 1);
      expect(run.text).toMatch(says);
    });
  }

  itInFull('keeps the old site config when the new one is none, with --sync-nginx-site-config', async () => {
    const files = { [NGINX]: edited(stack(), NGINX, 'listen 80 default_server;', 'listen eighty;') };
    await stack().release({ files });
    const site = stack().inApp(['cat', '/etc/nginx/sites-available/whalefall']);
    const run = await update(stack(), ['--sync-nginx-site-config']);
    await expectOld(stack(), run, 1);
    expect(run.text).toMatch(/nginx/);
    expect(stack().inApp(['cat', '/etc/nginx/sites-available/whalefall'])).toBe(site);
    expect(stack().inApp(['sh', '-c', 'nginx -t 2>&1'])).toContain('successful');
  });

  itInFull('goes back when a release turns sick only after every worker runs it', async () => {
    const sickness = '/tmp/sick'; // ours: the run is not to clear it away
    await stack().release({ sick_when: sickness });
    const run = await update(stack(), ['--soak', '10m', '--json'], {
      during: async (running) => {
        await stepBegins(running, 'prove');
        stack().inApp(['touch', sickness]);
      },
    }).finally(() => stack().inApp(['rm', '-f', sickness]));
    const before = { ...run.before, added: [...run.before.added, sickness] };
    await expectOld(stack(), { ...run, before }, 1);
    // Else this would be one more release that the canary found out.
    expect(finished(run, 'canary'), run.text).toBe(true);
    expect(began(run, 'restart'), run.text).toBe(true);
    expect(run.text).toMatch(/unhealthy/);
  });
}
