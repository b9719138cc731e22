import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  loadOnce,
  readSettings,
  settings,
  stagedArgv,
  stagedStart,
  startCanary,
} from '../../../../lib/domain/app/gunicorn.ts';
import { stagingOf } from '../../../../lib/domain/app/staging.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call } from '../../../support/scripted-spawn.ts';
import { web } from '../../../support/update-facts.ts';

it('takes from the staged release what the command line names, in every way of writing it', () => {
  const staged = (path: string) => (path === '/app/gunicorn.conf.py' ? '/stage/conf.py' : undefined);
  const taken = (...argv: string[]) => stagedArgv({ argv, config: undefined }, staged);
  expect(taken('python', 'gunicorn', '--config', '/app/gunicorn.conf.py', '--config=/app/gunicorn.conf.py')).toEqual([
    'python',
    'gunicorn',
    '--config',
    '/stage/conf.py',
    '--config=/stage/conf.py',
  ]);
  expect(taken('-c', 'file:/app/gunicorn.conf.py', '-c/app/gunicorn.conf.py', 'wsgi:application')).toEqual([
    '-c',
    '/stage/conf.py',
    '-c/stage/conf.py',
    'wsgi:application',
  ]);
  expect(taken('--bind=0.0.0.0:5001', '/elsewhere')).toEqual(['--bind=0.0.0.0:5001', '/elsewhere']);
});

it.each([
  ['named relatively', ['gunicorn', '-c', 'gunicorn.conf.py', 'wsgi:app'], ['--config', '/stage/conf.py']],
  ['named by nobody, or by its variable', ['gunicorn', 'wsgi:app'], ['--config', '/stage/conf.py']],
  ['named', ['gunicorn', '-c', '/app/gunicorn.conf.py', 'wsgi:app'], []],
])('takes a configuration from the staged release that is %s', (_how, argv, more) => {
  const staged = (path: string) => (path === '/app/gunicorn.conf.py' ? '/stage/conf.py' : undefined);
  const taken = stagedArgv({ argv, config: '/app/gunicorn.conf.py' }, staged);
  expect(taken.slice(argv.length)).toEqual(more);
  expect(taken).toContain('/stage/conf.py');
  expect(stagedArgv({ argv: ['gunicorn'], config: '/etc/gunicorn.conf.py' }, staged)).toEqual(['gunicorn']);
});

it.each([
  ['/app', undefined, '/stage'],
  ['/app', '/app/src', '/stage/src'],
  // Where `chdir` had led it: a configuration without it finds the application no more.
  ['/app', '/', '/'],
  ['/app', '/application', '/application'],
])('tries the release from where the next start begins: %s, %s', (cwd, startsIn, start) => {
  expect(stagedStart({ cwd, startsIn }, '/app', '/stage')).toBe(start);
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
  JSON.parse(JSON.parse(/loads\((".*")\)/.exec(call?.input ?? '')?.[1] ?? '')) as {
    argv: string[];
    log: string;
    told: string;
  };

it('loads the application as the web program would, but never with its scheduler', async () => {
  const { ended, args } = asked(loadOnce, { pid: 5, exitCode: 0, said: '', told: 'workers = 2\n' });
  expect((await ended).get('workers')).toBe('2');
  expect(args()).toMatchObject({ like: web.pid, cwd: '/stage', env: { ENABLE_SCHEDULER: 'false' }, leave: false });
  const { settings, root, tree } = JSON.parse(args().argv[4] ?? '');
  expect([settings, root]).toEqual([{ check_config: true }, '/app']);
  expect(tree).toMatch(/^\/app\/\.whalefall-staging\/.+\/new$/);
});

it.each([
  ["of gunicorn's own Python", STAGED.argv, '/venv/bin/python'],
  ['of a module of it', ['/venv/bin/python', '-u', '-m', 'gunicorn', 'wsgi:app'], '/venv/bin/python'],
  ["of the target's Python", ['/venv/bin/gunicorn', 'wsgi:app'], '/app/.venv/bin/python'],
])('reads the settings by way %s, and starts nothing', async (_name, argv, python) => {
  const { ended, args } = asked(readSettings, { pid: 5, exitCode: 0, said: '', told: 'workers = 2\n' }, '', {
    argv,
    cwd: '/stage',
  });
  expect((await ended).get('workers')).toBe('2');
  const [first, option, code, told, instead, ...rest] = args().argv;
  expect([first, option, told, instead, ...rest]).toEqual([python, '-c', args().told, 'null', 'wsgi:app']);
  expect(code).toContain('WSGIApplication');
});

it('reads the settings of several programs at once, each from files of its own', async () => {
  const files: string[] = [];
  const ops = testOps((call) => {
    const { log, told } = argsOf(call);
    files.push(log, told);
    return { stdout: JSON.stringify({ pid: 5, exitCode: 0, said: '', told: 'workers = 2\n' }) };
  });
  await Promise.all([1, 2].map(() => readSettings(ops, stagingOf(ops, 'app'), web, STAGED)));
  expect(new Set(files).size).toBe(4);
});

it('boots a canary where nobody but root reaches it, with one worker and without the scheduler, and leaves it', async () => {
  const { ended, args } = asked(startCanary, { pid: 5, exitCode: null, said: '', told: "bind = ['0.0.0.0:5001']\n" });
  const { pid, settings: asConfigured } = await ended;
  expect([pid, asConfigured.get('bind')]).toEqual([5, "['0.0.0.0:5001']"]);
  expect(args()).toMatchObject({ env: { ENABLE_SCHEDULER: 'false' }, leave: true });
  const { bind, workers } = JSON.parse(args().argv[4] ?? '').settings as { bind: string[]; workers: number };
  expect([bind, workers]).toEqual([[expect.stringMatching(/^unix:\/app\/\.whalefall-staging\/.+\/sock$/)], 1]);
});

describe.each<[string, (...args: Parameters<typeof readSettings>) => Promise<unknown>]>([
  ['reading the settings', readSettings],
  ['loading', loadOnce],
  ['booting', startCanary],
])('%s', (_name, what) => {
  it("gives gunicorn's own words when it can't read its configuration, without secrets", async () => {
    const said = 'ImportError: no module, and sentinel-secret-1\n';
    const { ended } = asked<unknown>(what, { pid: 5, exitCode: 1, said, told: null }, 'sentinel-secret-1');
    const error = await ended.catch((e: Error) => e.message);
    expect(error).toContain('does not accept its configuration');
    expect(error).toContain('ImportError');
    expect(error).not.toContain('sentinel');
  });

  it('says that reading it does not end', async () => {
    const { ended } = asked<unknown>(what, { pid: 5, exitCode: null, said: '', told: null });
    await expect(ended).rejects.toThrow(/did not read its configuration within \d+ s/);
  });
});

it.each([
  [1, "can't load the new release"],
  [null, 'importing it does not end'],
])('says that the application can not be loaded (%s)', async (exitCode, words) => {
  const { ended } = asked(loadOnce, { pid: 5, exitCode, said: 'ImportError: no module', told: 'workers = 2\n' });
  await expect(ended).rejects.toThrow(new RegExp(`${words}[^]*ImportError: no module`));
});

const SCRIPT = readFileSync(new URL('../../../../lib/domain/app/agent/try_gunicorn.py', import.meta.url), 'utf8');
// As gunicorn loads a configuration and tells of it; of its own functions there is one.
const GUNICORN = `import importlib.util, sys, types
for name in ("gunicorn", "gunicorn.app", "gunicorn.app.wsgiapp"):
    sys.modules[name] = types.ModuleType(name)
def own(): pass
own.__module__ = "gunicorn.config"
class WSGIApplication:
    def __init__(self, usage):
        spec = importlib.util.spec_from_file_location("__config__", sys.argv[2])
        module = sys.modules["__config__"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        said = {"on_exit": own, "post_fork": own, "workers": 1}
        said = {name: getattr(module, name, value) for name, value in said.items()}
        self.cfg = Config({name: types.SimpleNamespace(value=value) for name, value in said.items()})
class Config:
    def __init__(self, settings): self.settings = settings
    def __str__(self):
        told = lambda v: f"<{v.__qualname__}()>" if callable(v) else v
        return "\\n".join(f"{name:33} = {told(s.value)}" for name, s in self.settings.items())
sys.modules["gunicorn.app.wsgiapp"].WSGIApplication = WSGIApplication
`;

/** What the script writes down of a configuration. */
function toldOf(configuration: string): ReadonlyMap<string, string> {
  const dir = mkdtempSync(path.join(tmpdir(), 'gunicorn-'));
  const [file, told] = [path.join(dir, 'conf.py'), path.join(dir, 'told')];
  writeFileSync(file, configuration);
  execFileSync('python3', ['-c', GUNICORN + SCRIPT, told, 'null', '-c', file]);
  return settings(readFileSync(told, 'utf8'));
}

it('tells what a hook does, and what it calls, from another that has its name; not for a comment', () => {
  const hook = (does: string) =>
    `workers = 2\ndef helper():\n    return ${does}\ndef post_fork(server, worker):\n    helper()\n`;
  const before = toldOf(hook('1'));
  expect(before.get('post_fork')).toBe('<post_fork()>');
  expect([...toldOf(`${hook('1')}# as before\n`)]).toEqual([...before]);
  expect(toldOf(hook('2')).get('post_fork')).toBe(before.get('post_fork'));
  expect([...toldOf(hook('2'))]).not.toEqual([...before]);
  expect(toldOf('workers = 1 + 1\n').get('hooks'), 'it has none').toBe('');
});

// As gunicorn follows `chdir` and `pythonpath`, which it has read of its configuration by then, and imports the application.
const LOADS = `import os, sys, types
for name in ("gunicorn", "gunicorn.app", "gunicorn.app.wsgiapp"):
    sys.modules[name] = types.ModuleType(name)
class Config:
    def __init__(self): self.settings = {"chdir": types.SimpleNamespace(value=""), "pythonpath": types.SimpleNamespace(value="")}
    def set(self, name, value): self.settings[name].value = value
    chdir = property(lambda self: self.settings["chdir"].value)
    pythonpath = property(lambda self: self.settings["pythonpath"].value)
class WSGIApplication:
    def __init__(self, usage):
        self.cfg = Config()
        for name in (os.getcwd(), sys.argv[1] or os.getcwd()):
            self.cfg.set("chdir", name)
            self.chdir()
        self.cfg.set("pythonpath", sys.argv[2])
    def chdir(self):
        os.chdir(self.cfg.chdir)
        if self.cfg.chdir not in sys.path: sys.path.insert(0, self.cfg.chdir)
    def run(self):
        for name in map(os.path.abspath, filter(None, (self.cfg.pythonpath or "").split(","))):
            if name not in sys.path: sys.path.insert(0, name)
        import loaded
        print(open("read.txt").read(), loaded.VERSION, *sys.path, sep="\\n")
sys.modules["gunicorn.app.wsgiapp"].WSGIApplication = WSGIApplication
`;

it.each<[how: string, chdir: string, pythonpath: string, environment: string]>([
  ['says nothing of a directory', '', '', ''],
  ['changes to the root', '/app', '', ''],
  ['changes to a directory below', '/app/src', '', ''],
  ['has the root in pythonpath', '', '/app', ''],
  ['has directories in pythonpath', '', '/app/src,/elsewhere', ''],
  ['has the root in PYTHONPATH', '', '', '/app'],
])('tries the staged code, never the code in place, where the configuration %s', (_how, ...given) => {
  const root = mkdtempSync(path.join(tmpdir(), 'root-'));
  const tree = path.join(root, '.whalefall-staging/run/new');
  const libraries = path.join(root, '.venv/lib');
  const [chdir, pythonpath, environment] = given.map((words) => words.replaceAll('/app', root));
  for (const [below, version] of [
    [root, 'old'],
    [tree, 'new'],
  ] as const) {
    mkdirSync(path.join(below, 'src'), { recursive: true });
    for (const at of [below, path.join(below, 'src')]) writeFileSync(path.join(at, 'read.txt'), version);
    const lies = given.some((words) => words.includes('/src')) ? 'src' : '';
    writeFileSync(path.join(below, lies, 'loaded.py'), `VERSION = "${version}"\n`);
  }
  mkdirSync(libraries, { recursive: true });
  symlinkSync(path.dirname(libraries), path.join(tree, '.venv'));
  const trial = JSON.stringify({ settings: {}, root, tree });
  const argv = ['-c', LOADS + SCRIPT, path.join(root, 'told'), trial, chdir ?? '', pythonpath ?? ''];
  const env = { ...process.env, PYTHONPATH: [libraries, environment].filter(Boolean).join(':') };
  const [read, loaded, ...paths] = execFileSync('python3', argv, { cwd: tree, env, encoding: 'utf8' })
    .trim()
    .split('\n');
  expect([read, loaded]).toEqual(['new', 'new']);
  expect(paths).toContain(libraries); // the same for both
  expect(paths).not.toContain(root);
});
