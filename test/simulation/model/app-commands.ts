import { agent } from './agents.ts';
import { answer } from './app.ts';
import { type AppContainer, nginxAccepts } from './app-container.ts';
import { fileAt, pathsBelow, write } from './app-files.ts';
import { unknown } from './flags.ts';
import type { Inside } from './in-container.ts';
import { until } from './later.ts';
import type { Reply } from './process.ts';
import { send } from './signals.ts';
import { untar } from './ustar.ts';

const CURL_MS = 10_000;

/** A command in the application's container as it serves; undefined for one that all containers know. */
export function appCommand(what: Inside): Reply | undefined {
  const { app } = what.container;
  if (!app || what.container.state !== 'running') return undefined;
  const [program = '', ...args] = what.argv;
  app.newPid(); // whatever runs in there takes a number
  const [first, script = '', name = '', ...words] = args;
  if (program === 'sh' && script.includes('nginx -s reload')) return reloadNginx(what, app);
  if (program === 'sh' || (program === 'bash' && first === '-euc')) {
    const snippet = SNIPPETS.find(([known, has]) => known === name && has.every((part) => script.includes(part)));
    if (!snippet) return program === 'sh' ? undefined : unknown(`bash -c ${script}`);
    return snippet[2](what, app, words);
  }
  switch (program) {
    case '/app/.venv/bin/python':
      return args[1] === undefined ? undefined : agent(what, app, args[1]);
    case 'supervisorctl':
      return supervisorctl(what, app, args);
    case 'curl':
      return args.includes('--unix-socket') ? askCanary(what, app, args) : undefined;
    case 'tail':
      return { stdout: app.errorLog.map((line) => `${line}\n`).join('') };
    case 'tar':
      return pack(what, args);
  }
  return undefined;
}

type Snippet = (what: Inside, app: AppContainer, words: readonly string[]) => Reply;

/** Shell scripts by their name and what they must have in them. */
const SNIPPETS: readonly (readonly [name: string, has: readonly string[], does: Snippet])[] = [
  ['unpack', ['mkdir -p "$1/old" "$1/new"', 'tar -x -C "$1/new"', 'ln -s "$root/$kept"'], unpack],
  [
    'end',
    ['kill -s KILL'],
    ({ changes }, app, [pid = '']) => {
      changes();
      send(app, 'KILL', Number(pid));
      return {};
    },
  ],
  [
    'reloadable',
    ['nginx -t -q', 'kill -0 "$(cat "$pid")"'],
    (what, app) => {
      const stdout = unloadable(what, app);
      return stdout === undefined ? {} : { exitCode: 1, stdout };
    },
  ],
  ['alive', ['kill -0 "$1"'], (_what, app, [pid = '']) => ({ exitCode: isAlive(app, Number(pid)) ? 0 : 1 })],
];

function unpack({ container, input, changes, cut }: Inside, _app: AppContainer, words: readonly string[]): Reply {
  const [dir = '', root = '', marker = '', ...kept] = words;
  changes();
  for (const made of ['', 'old/', 'new/']) write(container, `${dir}/${made}`, '', 'directory');
  write(container, `${dir.slice(0, dir.lastIndexOf('/'))}/`, '', 'directory');
  write(container, `${dir}/.whalefall-release.json`, marker);
  const { entries, whole } = untar(input);
  const arrived = cut ? entries.slice(0, entries.length / 2) : entries;
  for (const { name, data, mode } of arrived) write(container, `${dir}/new/${name}`, data, mode);
  if (!whole) return { exitCode: 2, stderr: 'tar: Unexpected EOF in archive\n' };
  for (const path of kept) {
    const there = fileAt(container, `${root}/${path}`) ?? pathsBelow(container, `${root}/${path}`)[0];
    if (there) write(container, `${dir}/new/${path}`, `${root}/${path}`, '120000');
  }
  return {};
}

const isAlive = (app: AppContainer, pid: number): boolean =>
  app.gunicorns.some((g) => g.pid === pid) || app.others.some((o) => o.pid === pid);

function reloadNginx(what: Inside, app: AppContainer): Reply {
  what.changes();
  const stderr = unloadable(what, app);
  return stderr === undefined ? {} : { exitCode: 1, stderr };
}

/** Why nginx can't read its configuration again. */
function unloadable({ container }: Inside, app: AppContainer): string | undefined {
  if (!nginxAccepts(container)) return 'nginx: [emerg] unexpected end of file\n';
  return app.nginx ? undefined : 'nginx: [error] open() "/run/nginx.pid" failed\n';
}

function supervisorctl(what: Inside, app: AppContainer, [action = '', name = '']: readonly string[]): Reply {
  if (action !== 'restart') return unknown(`supervisorctl ${action}`);
  what.changes();
  const program = app.programs.find((p) => p.name === name);
  if (!program) return { exitCode: 1, stdout: `${name}: ERROR (no such process)\n` };
  program.restart();
  app.seen();
  const settled = () => program.state === 'RUNNING' || program.state === 'FATAL';
  return {
    later: until(what, settled, 30 + (program.stopSeconds ?? 0), () =>
      program.state === 'RUNNING'
        ? { stdout: `${name}: stopped\n${name}: started\n` }
        : { exitCode: 7, stdout: `${name}: ERROR (spawn error)\n` },
    ),
  };
}

/** To a canary's socket, once for each address; what is asked waits until a worker takes it. */
function askCanary(what: Inside, app: AppContainer, args: readonly string[]): Reply {
  const socket = args[args.indexOf('--unix-socket') + 1] ?? unknown(`curl ${args.join(' ')}`);
  const end = args[args.indexOf('-w') + 1]?.split('\n').at(-1) ?? unknown(`curl ${args.join(' ')}`);
  const part = (body: string, status = '000', type = '') => `${body}\n${status} ${type}\n${end}`;
  const canary = app.canaries.find((g) => g.alive && g.listening && g.bind === `unix:${socket}`);
  if (!canary) return { exitCode: 7, stdout: part('') };
  const done = () => !canary.alive || canary.serving.length > 0;
  return {
    later: until(what, done, CURL_MS / 1000, async () => {
      const parts: string[] = [];
      for (const url of args.filter((word) => word.startsWith('http://'))) {
        const worker = canary.next();
        if (!worker) return { exitCode: canary.alive ? 28 : 52, stdout: [...parts, part('')].join('') };
        const said = answer(what.machine.engine, what.container, worker, new URL(url).pathname);
        parts.push(part(await said.text(), String(said.status), said.headers.get('content-type') ?? ''));
      }
      return { stdout: parts.join('') };
    }),
  };
}

function pack({ container, input }: Inside, args: readonly string[]): Reply {
  const [create, to, directory = '', ...names] = args;
  if (create !== '-c' || to !== '-C' || names.join(' ') !== '--null -T -') return unknown(`tar ${args.join(' ')}`);
  const files = input.toString().split('\0').slice(0, -1);
  const missing = files.filter((f) => fileAt(container, `${directory}/${f}`) === undefined);
  if (missing.length > 0) return { exitCode: 2, stderr: `tar: ${missing[0]}: Cannot stat\n` };
  const kept = files.map((f) => [f, fileAt(container, `${directory}/${f}`)?.data]);
  return { stdout: JSON.stringify(Object.fromEntries(kept)) };
}
