import { expect, it } from 'vitest';
import { checkGunicorn, settings, stagedArgv } from '../../lib/app/gunicorn.ts';
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

const check = (reply: unknown, bySecret = '') => {
  const seen: Call[] = [];
  const ops = testOps((call) => {
    seen.push(call);
    return { stdout: JSON.stringify(reply) };
  });
  if (bySecret) ops.secrets.add(bySecret);
  const ended = checkGunicorn(ops, stagingOf(ops, 'app'), web, { argv: ['gunicorn'], cwd: '/stage' });
  return { seen, ended };
};

it('loads the application as the web program would, but never with its scheduler', async () => {
  const { seen, ended } = check({ pid: 5, exitCode: 0, said: 'workers = 2\n' });
  expect((await ended).get('workers')).toBe('2');
  const args = JSON.parse(JSON.parse(/loads\((".*")\)/.exec(seen[0]?.input ?? '')?.[1] ?? '')) as Record<
    string,
    unknown
  >;
  expect(args).toMatchObject({
    like: web.pid,
    argv: ['gunicorn', '--print-config'],
    cwd: '/stage',
    env: { ENABLE_SCHEDULER: 'false' },
  });
});

it("gives the application's own words, without settings and secrets", async () => {
  const said = 'workers   = 2\nImportError: no module, and sentinel-secret-1\n';
  const { ended } = check({ pid: 5, exitCode: 1, said }, 'sentinel-secret-1');
  const error = await ended.catch((e: Error) => e.message);
  expect(error).toContain('ImportError');
  expect(error).not.toContain('workers');
  expect(error).not.toContain('sentinel');
});

it('says that an import does not end', async () => {
  const { ended } = check({ pid: 5, exitCode: null, said: '' });
  await expect(ended).rejects.toThrow(/does not end/);
});
