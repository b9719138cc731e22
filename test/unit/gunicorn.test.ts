import { describe, expect, it } from 'vitest';
import { loadOnce, readSettings, settings, stagedArgv } from '../../lib/app/gunicorn.ts';
import { stagingOf } from '../../lib/app/staging.ts';
import { testOps } from '../support/ops.ts';
import type { Call } from '../support/scripted-spawn.ts';
import { web } from '../support/update-facts.ts';

it('takes from the staged release what the command line names, in every way of writing it', () => {
  const staged = (path: string) => (path === '/app/gunicorn.conf.py' ? '/stage/conf.py' : undefined);
  expect(
    stagedArgv(['python', 'gunicorn', '--config', '/app/gunicorn.conf.py', '--config=/app/gunicorn.conf.py'], staged),
  ).toEqual(['python', 'gunicorn', '--config', '/stage/conf.py', '--config=/stage/conf.py']);
  expect(stagedArgv(['-c', 'file:/app/gunicorn.conf.py', 'wsgi:application'], staged)).toEqual([
    '-c',
    '/stage/conf.py',
    'wsgi:application',
  ]);
  expect(stagedArgv(['--bind=0.0.0.0:5001', '/elsewhere'], staged)).toEqual(['--bind=0.0.0.0:5001', '/elsewhere']);
});

it('reads settings among other lines', () => {
  const said = "a warning\nbind                              = ['0.0.0.0:5001']\npreload_app    = False\n";
  expect([...settings(said)]).toEqual([
    ['bind', "['0.0.0.0:5001']"],
    ['preload_app', 'False'],
  ]);
});

const STAGED = { argv: ['/venv/bin/python', '/venv/bin/gunicorn', 'wsgi:app'], cwd: '/stage' };

const asked = <T>(
  what: (...args: Parameters<typeof readSettings>) => Promise<T>,
  reply: unknown,
  bySecret = '',
  from = STAGED,
) => {
  const seen: Call[] = [];
  const ops = testOps((call) => {
    seen.push(call);
    return { stdout: JSON.stringify(reply) };
  });
  if (bySecret) ops.secrets.add(bySecret);
  const ended = what(ops, stagingOf(ops, 'app'), web, from);
  return { ended, args: () => argsOf(seen[0]) };
};

const argsOf = (call: Call | undefined) =>
  JSON.parse(JSON.parse(/loads\((".*")\)/.exec(call?.input ?? '')?.[1] ?? '')) as { argv: string[] };

it('loads the application as the web program would, but never with its scheduler', async () => {
  const { ended, args } = asked(loadOnce, { pid: 5, exitCode: 0, said: '' });
  await ended;
  const argv = [...STAGED.argv, '--check-config'];
  expect(args()).toMatchObject({ like: web.pid, argv, cwd: '/stage', env: { ENABLE_SCHEDULER: 'false' } });
});

it.each([
  ["of gunicorn's own Python", STAGED.argv, '/venv/bin/python'],
  ['of a module of it', ['/venv/bin/python', '-u', '-m', 'gunicorn', 'wsgi:app'], '/venv/bin/python'],
  ["of the target's Python", ['/venv/bin/gunicorn', 'wsgi:app'], '/app/.venv/bin/python'],
])('reads the settings by way %s, without the application', async (_name, argv, python) => {
  const { ended, args } = asked(readSettings, { pid: 5, exitCode: 0, said: 'workers = 2\n' }, '', {
    argv,
    cwd: '/stage',
  });
  expect((await ended).get('workers')).toBe('2');
  const [first, option, code, ...rest] = args().argv;
  expect([first, option, ...rest]).toEqual([python, '-c', 'wsgi:app', '--print-config']);
  expect(code).toContain('G.load = lambda self: None');
});

describe.each<[string, (...args: Parameters<typeof readSettings>) => Promise<unknown>]>([
  ['reading the settings', readSettings],
  ['loading', loadOnce],
])('%s', (_name, what) => {
  it("gives the program's own words, without settings and secrets", async () => {
    const said = 'workers   = 2\nImportError: no module, and sentinel-secret-1\n';
    const { ended } = asked(what, { pid: 5, exitCode: 1, said }, 'sentinel-secret-1');
    const error = await ended.catch((e: Error) => e.message);
    expect(error).toContain('ImportError');
    expect(error).not.toContain('workers');
    expect(error).not.toContain('sentinel');
  });

  it('says that it does not end', async () => {
    const { ended } = asked(what, { pid: 5, exitCode: null, said: '' });
    await expect(ended).rejects.toThrow(/within \d+ s/);
  });
});
