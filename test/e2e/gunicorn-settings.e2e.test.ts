import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { sourceOf } from '../../lib/domain/app/agent.ts';
import { ensureBaseImages } from '../sandbox/images.ts';

// What is read of gunicorn's configuration without executing it, by the Python that the container has.
const TRY = path.join(import.meta.dirname, '../../lib/domain/app/agent/try_gunicorn.py');
const ASKS = `
import sys
for text, words in json.load(sys.stdin):
    with open("/tmp/gunicorn.conf.py", "w") as file:
        file.write(text)
    print(json.dumps(gunicorn_settings(os.getpid(), ["/venv/bin/gunicorn", *words], "/tmp")))
`;
const LOG = { loglevel: 'info' };
const PATIENCE = { timeout: 30, graceful_timeout: 30, ...LOG };
const SYNC = { worker_class: 'sync', threads: 1, ...PATIENCE };
const NEVER = { max_requests: 0, max_requests_jitter: 0, ...SYNC };

const CASES: readonly [what: string, text: string, words: readonly string[], found: object | null][] = [
  ['nothing set', '', [], { preload_app: false, ...NEVER }],
  [
    'plain values',
    'preload_app = True\nmax_requests = 1000\n',
    [],
    { preload_app: true, max_requests: 1000, max_requests_jitter: 0, ...SYNC },
  ],
  [
    'computed',
    'import os\npreload_app = bool(os.environ)\nmax_requests = int("9")\n',
    [],
    { max_requests_jitter: 0, ...SYNC },
  ],
  ['annotated', 'preload_app: bool = True\n', [], NEVER],
  ['set again under a condition', 'preload_app = False\nif True:\n    preload_app = True\n', [], NEVER],
  [
    'set by a loop',
    'for max_requests in (1, 2):\n    pass\n',
    [],
    { preload_app: false, max_requests_jitter: 0, ...SYNC },
  ],
  [
    'how workers serve',
    'threads = 4\nworker_class = str(0)\n',
    ['-kgevent'],
    { preload_app: false, ...NEVER, worker_class: 'gevent', threads: 4 },
  ],
  [
    'how workers serve, computed',
    'threads = int("4")\n',
    ['--worker-class', 'gthread'],
    { preload_app: false, max_requests: 0, max_requests_jitter: 0, worker_class: 'gthread', ...PATIENCE },
  ],
  [
    'how long workers may take',
    'timeout = 120\ngraceful_timeout = int("5")\n',
    ['-t90'],
    {
      preload_app: false,
      max_requests: 0,
      max_requests_jitter: 0,
      worker_class: 'sync',
      threads: 1,
      timeout: 90,
      ...LOG,
    },
  ],
  [
    'words of the command line come last',
    'preload_app = bool(1)\nmax_requests = 5\n',
    ['--preload', '--max-requests=7'],
    { preload_app: true, max_requests: 7, max_requests_jitter: 0, ...SYNC },
  ],
  [
    'what is logged',
    'loglevel = "info"\n',
    ['--log-level=warning'],
    { preload_app: false, ...NEVER, loglevel: 'warning' },
  ],
  ['another file', 'preload_app = True\n', ['-c', 'none.py'], { preload_app: false, ...NEVER }],
  [
    'taken from elsewhere',
    'from os import path as threads\n',
    ['-k=gevent'],
    { preload_app: false, max_requests: 0, max_requests_jitter: 0, worker_class: 'gevent', ...PATIENCE },
  ],
  ['all taken from elsewhere', 'from os import *\n', [], {}],
  ['a module', '', ['-c', 'python:os'], null],
  ['no Python', 'preload_app = (\n', [], null],
];

it('tells what is written down plainly, and of the rest that it is not known', async () => {
  const { appBase } = await ensureBaseImages();
  const program = sourceOf('programs').replace(/\nmain\(\)\s*$/, ASKS);
  const run = ['run', '--rm', '-i', '--network', 'none', '--entrypoint', 'python3', appBase, '-c', program];
  const input = JSON.stringify(CASES.map(([, text, words]) => [text, words]));
  const said = execFileSync('docker', run, { input, encoding: 'utf8' }).trim().split('\n');
  const found = CASES.map(([what], at) => [what, JSON.parse(said[at] ?? 'null')]);
  expect(found).toEqual(CASES.map(([what, , , expected]) => [what, expected]));
});

it('tells by gunicorn itself that a hook of the same name does something else, and no comment', async () => {
  const { appBase } = await ensureBaseImages();
  const told = (helper: string) => {
    const conf = `def helper():\n    ${helper}\ndef post_fork(server, worker):\n    helper()\n`;
    const tell = 'cat > /tmp/conf.py; python3 -c "$1" /tmp/told null -c /tmp/conf.py wsgi:app; cat /tmp/told';
    const run = ['run', '--rm', '-i', '--network', 'none', '--entrypoint', 'sh', appBase, '-c', tell, 'tell'];
    const program = readFileSync(TRY, 'utf8');
    return execFileSync('docker', [...run, program], { input: conf, encoding: 'utf8' });
  };
  const before = told('return 1');
  expect(before).toContain('= <post_fork()>');
  expect(told('return 1  # as before')).toBe(before);
  expect(told('return 2')).not.toBe(before);
});

/** In a container of its own, as root; by a shell that has the program's text in `$1`. */
async function inside(shell: string, program: string): Promise<string> {
  const { appBase } = await ensureBaseImages();
  const run = ['run', '--rm', '--network', 'none', '--entrypoint', 'bash', appBase, '-euc', shell, 'shell', program];
  return execFileSync('docker', run, { encoding: 'utf8' });
}

it.each([
  ['root’s, as it stays', 0],
  ['its own, as it becomes', 33],
])(
  'tries a release as the user that supervisord has the web program run as; the code in place is %s',
  async (_whose, owner) => {
    const writes = 'import os; open("/s/trial/told", "w").write(f"{os.getresuid()} {os.getgroups()}")';
    const program = sourceOf('as_web', {
      ...{ like: 4711, argv: ['python3', '-c', writes], cwd: '/s/new', env: {}, log: '/s/log', told: '/s/trial/told' },
      ...{ trial: '/s/trial', tree: '/s/new', root: '/a', leave: false, seconds: 20 },
    });
    const shell = `umask 022; mkdir -p /s/new /a; chown ${owner} /a; echo code > /s/new/code; chmod 711 /s
setpriv --reuid=33 --regid=33 --groups=33,4 sleep 60 & sleep 0.3
python3 -c "\${1//4711/$!}"; stat -c '%n %u' /s/new /s/new/code /s/trial /s/log`;
    const [said = '', ...owners] = (await inside(shell, program)).trim().split('\n');
    expect(JSON.parse(said)).toMatchObject({ exitCode: 0, told: '(33, 33, 33) [4, 33]' });
    expect(owners).toEqual([`/s/new ${owner}`, `/s/new/code ${owner}`, '/s/trial 33', '/s/log 0']);
  },
);

it.each([
  ['its workers', '', 33],
  ['itself, before there are any', 'preload_app = True\n', 0],
])('has the application loaded by whom gunicorn would have it loaded: by %s', async (_who, more, uid) => {
  const trial = { tree: '/s/new', root: '/app', settings: { check_config: true } };
  const shell = `mkdir -p /s/new; cd /s/new; printf 'user = "www-data"\\ngroup = "www-data"\\n${more.replace('\n', '\\n')}' > conf.py
printf 'import os\\nprint("loaded by", os.geteuid())\\ndef app(*_): pass\\n' > wsgi.py
python3 -c "$1" /tmp/told '${JSON.stringify(trial)}' -c conf.py wsgi:app`;
  expect(await inside(shell, readFileSync(TRY, 'utf8'))).toContain(`loaded by ${uid}\n`);
});

it('puts files in place as those of whom the image has made them', async () => {
  const program = sourceOf('place', {
    put: ['app.py', 'new.py', 'sub/deep/new.py']
      .map((file) => [`/s/new/${file}`, `/a/${file}`])
      .concat([['/s/old/a/was.py', '/a/was.py']]),
    ...{ remove: [], caches: [], touch: [], saved: '/s/old', suffix: '.part', keptDirectories: ['/', '/a'] },
  });
  const shell = `mkdir -p /s/new/sub/deep /s/old/a /a; touch /s/new/{app.py,new.py,sub/deep/new.py} /a/app.py /s/old/a/was.py
chown 33 /a /a/app.py; chown 4 /s/old/a/was.py; python3 -c "$1"; cd /a; stat -c '%n %u' app.py new.py sub sub/deep/new.py was.py`;
  const owners = 'app.py 33\nnew.py 33\nsub 33\nsub/deep/new.py 33\nwas.py 4\n';
  expect((await inside(shell, program)).split('\n').slice(1).join('\n')).toBe(owners);
});

it.each([
  ['supervisord', 'setpriv --reuid=33 --regid=33 --clear-groups', '', false],
  ['gunicorn itself', '', 'user = "www-data"', true],
])(
  'knows a web program that %s makes another user by its port, and what of it can be seen',
  async (_who, as, conf, changesUser) => {
    const shell = `cd /tmp; echo '${conf}' > conf.py; echo 'def app(*_): pass' > wsgi.py; chmod 644 *.py
WHO=web ${as} gunicorn -c conf.py --bind 127.0.0.1:5001 wsgi:app 2>/dev/null & until pgrep -P $! > /dev/null; do sleep 0.1; done; sleep 0.5
printf '#!/bin/sh\\necho "web RUNNING pid '$!', uptime"\\n' > /usr/local/bin/supervisorctl; chmod +x /usr/local/bin/supervisorctl
python3 -c "$1"`;
    const said = await inside(shell, sourceOf('programs', { schedulerVariable: 'WHO', marker: '/none' }));
    const { programs } = JSON.parse(said) as { programs: object[] };
    expect(programs).toMatchObject([{ name: 'web', ports: [5001], scheduler: 'web', cwd: '/tmp', changesUser }]);
  },
);
