import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { sourceOf } from '../../../../lib/domain/app/agent.ts';
import { findPrograms, requirePrograms } from '../../../../lib/domain/app/programs.ts';
import { testOps } from '../../../support/ops.ts';
import { program, scheduler, web } from '../../../support/update-facts.ts';

const answering = (...programs: readonly unknown[]) =>
  testOps(() => ({ stdout: JSON.stringify({ programs, said: '', uptime: 9, booted: 1 }) }));
/** One answer after the other; the last one stays. */
function inTurn(...answers: readonly (readonly unknown[])[]) {
  const left = [...answers];
  return testOps(() => {
    const programs = (left.length > 1 ? left.shift() : left[0]) ?? [];
    return { stdout: JSON.stringify({ programs, said: '', uptime: 9, booted: 1 }) };
  });
}
const python = '/app/.venv/bin/python';
const find = (...programs: readonly unknown[]) => findPrograms(answering(...programs), 'app');

it('tells the programs by what they run: what only inherits the variable is no scheduler', async () => {
  const nginx = program('nginx', { argv: ['nginx: master process'], ports: [80], scheduler: 'true', cwd: '/' });
  const celery = program('celery', { argv: [python, '-m', 'celery', 'worker'], scheduler: 'true' });
  const found = await find(celery, nginx, scheduler, web);
  expect(found.web.name).toBe('whalefall_web');
  expect(found.scheduler?.name).toBe('whalefall_scheduler');
  expect(found.companions.map((p) => p.name)).toEqual(['whalefall_scheduler', 'celery']);
});

it('takes for the scheduler the gunicorn that was told so itself, not the first that inherits it', async () => {
  const third = program('metrics', { ports: [5003], scheduler: 'true', inherited: true });
  const found = await find(third, { ...scheduler, inherited: false }, web);
  expect(found.scheduler?.name).toBe('whalefall_scheduler');
  expect(found.companions.map((p) => p.name)).toEqual(['whalefall_scheduler', 'metrics']);
});

it('takes for the scheduler the one that runs the application, where all have it from supervisord', async () => {
  const argv = [...scheduler.argv.slice(0, -1), 'metrics:application'];
  const third = program('metrics', { ports: [5003], scheduler: 'true', inherited: true, argv });
  const found = await find(third, { ...scheduler, inherited: true }, web);
  expect(found.scheduler?.name).toBe('whalefall_scheduler');
});

it('counts as the release only what Python runs from its files', async () => {
  const exporter = program('exporter', { argv: ['/usr/bin/python3', '/opt/exporter.py'], cwd: '/' });
  const relative = program('queue', { argv: ['/usr/bin/python3.11', 'worker.py'], cwd: '/app' });
  expect((await find(exporter, relative, web)).companions.map((p) => p.name)).toEqual(['queue']);
});

it('takes for the web program the gunicorn that listens on its port', async () => {
  const proxy = program('proxy', { argv: ['haproxy'], ports: [5001] });
  await expect(find(proxy, { ...web, ports: [5003] })).rejects.toMatchObject({ kind: 'precondition' });
});

const queue = (state: string) => program('queue', { state });
const require = (before: string, ...states: readonly string[]) =>
  requirePrograms(inTurn(...states.map((state) => [web, queue(state)])), 'app', before ? [queue(before)] : []);

it('waits for programs that come up, and takes what can’t be kept running for a broken release', async () => {
  expect(await require('RUNNING', 'STARTING', 'BACKOFF', 'RUNNING')).toEqual([]);
  for (const [before, states] of [
    ['RUNNING', ['BACKOFF', 'FATAL']],
    ['RUNNING', ['BACKOFF']],
    ['RUNNING', ['EXITED']],
    ['', ['FATAL']],
  ] as const)
    await expect(require(before, ...states), `${before} ${states}`).rejects.toMatchObject({
      kind: 'failed',
      what: { en: expect.stringContaining('Not proved: queue is') },
    });
});

it('tells of a program that did not run before, is not started by itself, or has done what it does', async () => {
  for (const [before, state, told] of [
    ['FATAL', 'FATAL', 'queue is FATAL, and did not run before either'],
    ['RUNNING', 'STOPPED', 'queue is STOPPED, and ran before'],
    ['', 'EXITED', 'queue is EXITED'],
    ['STOPPED', 'FATAL', 'queue is FATAL, and did not run before either'],
    ['STOPPED', 'STOPPED', undefined],
    ['EXITED', 'EXITED', undefined],
  ] as const)
    expect((await require(before, state)).map((t) => t.en)).toEqual(told === undefined ? [] : [told]);
  // Where nobody knows what ran before, a program that was never well fails nothing.
  expect((await requirePrograms(inTurn([web, queue('FATAL')]), 'app', undefined)).map((t) => t.en)).toEqual([
    'queue is FATAL',
  ]);
  const silent = testOps(() => ({ exitCode: 1, stderr: 'no supervisorctl' }));
  expect((await requirePrograms(silent, 'app', []))[0]?.en).toMatch(/^supervisord does not tell/);
});

/** Where the script says that a gunicorn's configuration lies, which was started in /srv. */
function configOf(argv: readonly string[], variable = ''): unknown {
  const asked = `words = gunicorn_words(os.getpid(), ${JSON.stringify(argv)})
print(json.dumps(words and configuration(words, "/srv")))`;
  const input = sourceOf('programs').replace(/main\(\)\s*$/, asked);
  const env = { ...process.env, GUNICORN_CMD_ARGS: variable };
  return JSON.parse(execFileSync('python3', ['-'], { input, env, encoding: 'utf8' }));
}

it('knows a gunicorn’s configuration by its command line, by its variable, and where nobody says it', () => {
  const gunicorn = (...words: string[]) => ['/venv/bin/python', '/venv/bin/gunicorn', ...words, 'wsgi:app'];
  for (const [argv, variable, file] of [
    [gunicorn(), '', '/srv/gunicorn.conf.py'],
    [gunicorn('-c', 'conf/prod.py'), '', '/srv/conf/prod.py'],
    [gunicorn('-c./prod.py'), '', '/srv/prod.py'],
    [gunicorn('--config=file:/etc/prod.py'), '-c other.py', '/etc/prod.py'],
    [gunicorn('--threads', '4'), '--config other.py', '/srv/other.py'],
    [gunicorn('-c', 'python:conf.prod'), '', null],
    [['/venv/bin/celery', 'worker'], '', null],
  ] as const)
    expect(configOf(argv, variable), `${variable} ${argv}`).toBe(file);
});

/** What the whole script says of this very machine's process, by directories that supervisord may have been told. */
function told(...directories: readonly unknown[]): object[] {
  const argv = ['/venv/bin/gunicorn', '-c', 'conf.py', 'wsgi:app'];
  const asked = `def over_socket():
    for said in json.loads('${JSON.stringify(directories)}'):
        yield "web", "RUNNING", os.getpid(), {} if said is None else {"directory": said}
directory = lambda pid: "/app" if pid == os.getpid() else "/srv"
gunicorn_words = lambda pid, argv, of=gunicorn_words: of(pid, ${JSON.stringify(argv)})
main()`;
  const input = sourceOf('programs', { schedulerVariable: 'S', marker: '/none' }).replace(/main\(\)\s*$/, asked);
  return JSON.parse(execFileSync('python3', ['-'], { input, encoding: 'utf8' })).programs;
}

it('knows where a program starts, which is elsewhere by now, and by that its configuration', () => {
  expect(told('/', 'none', 'src', null)).toMatchObject([
    { cwd: '/app', startsIn: '/', config: '/conf.py' },
    { cwd: '/app', startsIn: '/srv', config: '/srv/conf.py' },
    { cwd: '/app', startsIn: '/srv/src', config: '/srv/src/conf.py' },
    { cwd: '/app', startsIn: '/app', config: '/app/conf.py' },
  ]);
});
