import path from 'node:path';
import { agent } from './agents.ts';
import { answer, connect, curl, passwordOf, refusal } from './app.ts';
import { appCommand } from './app-commands.ts';
import { AppContainer } from './app-container.ts';
import { behaviourAt, exists, fileAt, ROOT, remove } from './app-files.ts';
import { PGDATA } from './cluster.ts';
import { type Container, EngineError, runs } from './engine.ts';
import { many, one, parseFlags, unknown } from './flags.ts';
import { upgrade } from './flask.ts';
import type { Worker } from './gunicorn.ts';
import { replaceHba } from './hba-file.ts';
import type { Host } from './host.ts';
import { pgDump, pgDumpAll, pgRestore } from './pg-archive.ts';
import type { Call, Reply } from './process.ts';
import { psql } from './psql.ts';

/** A command inside of a running container. */
export interface Inside {
  readonly machine: Host;
  readonly container: Container;
  readonly argv: readonly string[];
  /** Variables that were passed to it, on top of the container's. */
  readonly env: Readonly<Record<string, string>>;
  readonly input: Buffer;
  readonly user: string | undefined;
  /** Notes that it changes something. */
  readonly changes: () => void;
  /** The container dies while it is at work: it gets half of it done. */
  readonly cut: boolean;
}

export function inside(machine: Host, call: Call): Inside {
  const flags = parseFlags(call.argv.slice(2), '-i', '-u -e');
  const [id = '', ...argv] = flags.rest;
  const container = machine.engine.container(id);
  if (container.state === 'restarting')
    throw new EngineError(
      `Error response from daemon: Container ${id} is restarting, wait until the container is running`,
    );
  if (container.state !== 'running')
    throw new EngineError(`Error response from daemon: Container ${id} is not running`);
  const env = Object.fromEntries(many(flags, '-e').map((name) => [name, call.env[name] ?? '']));
  const changes = () => machine.changed(call);
  return { machine, container, argv, env, input: call.input, user: one(flags, '-u'), changes, cut: machine.cut };
}

/** `docker exec …` */
export function inContainer(machine: Host, call: Call): Reply {
  const asked = inside(machine, call);
  // `timeout 5 redis-cli …`: none of those that are modelled takes longer.
  const what = asked.argv[0] === 'timeout' ? { ...asked, argv: asked.argv.slice(2) } : asked;
  const program = what.argv[0] ?? '';
  const answer = appCommand(what);
  if (answer) return answer;
  const known = PROGRAMS[program] ?? unknown(call.argv.join(' '));
  return known(what);
}

const FAILS: Reply = { exitCode: 1 };

const PROGRAMS: Readonly<Record<string, (what: Inside) => Reply>> = {
  pg_isready: ({ machine, container }) => {
    const { server } = container;
    return { exitCode: server && machine.engine.clock.monotonic() >= server.readyAt ? 0 : 2 };
  },
  psql,
  pg_dump: pgDump,
  pg_dumpall: pgDumpAll,
  pg_restore: pgRestore,
  'redis-cli': ({ machine, container, env, input }) => {
    if (runs(container) !== 'redis') return { exitCode: 127 };
    if (env.REDISCLI_AUTH === passwordOf(container)) {
      if (input.length === 0) return { stdout: 'PONG\n' };
      const keys = machine.engine.filesAt(container, '/data')['appendonly.aof'] === 'no keys' ? 0 : 2;
      const appends = container.command?.join(' ').includes('--appendonly yes') ? 1 : 0;
      const lines = [
        '# Persistence',
        `aof_enabled:${appends}`,
        'save',
        '',
        '# Keyspace',
        ...(keys ? [`db0:keys=${keys},expires=0,avg_ttl=0`] : []),
      ];
      return { stdout: lines.map((line) => `${line}\r\n`).join('') };
    }
    return {
      stdout: 'NOAUTH Authentication required.\n',
      stderr: 'AUTH failed: WRONGPASS invalid username-password pair or user is disabled.\n',
    };
  },
  curl: ({ machine, container, argv }) =>
    argv[1] === '-f' ? curl(machine.engine, container, argv.at(-1) ?? '') : unknown(argv.join(' ')),
  du: ({ container }) => {
    const files = Object.keys(container.layer).filter((f) => f.startsWith('/app/userdata/'));
    return { stdout: `${4 + files.length}\t/app/userdata\n` };
  },
  cat: ({ container, argv: [, file = ''] }) => {
    const there = fileAt(container, file);
    return there ? { stdout: there.data } : { ...FAILS, stderr: `cat: ${file}: No such file or directory\n` };
  },
  rm: ({ container, argv, changes }) => {
    changes();
    remove(container, argv.at(-1) ?? '');
    return {};
  },
  stat: () => ({ stdout: '999:999\n' }),
  test: ({ container, argv: [, option, file = ''] }) => ({
    exitCode:
      option === '-e' && !exists(container, file) && !container.image.files?.has(path.relative(ROOT, file)) ? 1 : 0,
  }),
  df: ({ argv }) => ({
    stdout: `Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 100000000 1000 90000000 1% ${argv.at(-1)}\n`,
  }),
  base64: ({ container, argv: [, file = ''] }) => {
    if (file !== `${PGDATA}/pg_hba.conf`) return unknown(`base64 ${file}`);
    const text = Buffer.from(container.server?.cluster.hba ?? '', 'latin1').toString('base64');
    return { stdout: `${text.replace(/.{76}/g, '$&\n')}\n` };
  },
  sh: (what) => {
    const [, , script = '', name] = what.argv;
    if (name === 'find') return { stdout: '/usr/lib/python3/dist-packages/supervisor/supervisord.py\n' };
    if (name === 'kinds')
      return {
        stdout: what.argv
          .slice(4)
          .map((at) => `${what.container.bindKinds?.[at] ?? '-'}\n`)
          .join(''),
      };
    if (name === 'login' && script.includes('PGPASSFILE')) return login(what);
    if (name === 'replace' && script.includes('pg_hba') === false) return replaceHba(what);
    if (script.includes('df -P -k "$1"')) {
      what.changes();
      return PROGRAMS.df?.(what) ?? {};
    }
    if (script.includes('cat > "$1"')) {
      what.changes();
      what.container.layer[what.argv[4] ?? ''] = what.input.toString('latin1');
      return {};
    }
    return unknown(`sh -c ${script}`);
  },
  '/app/.venv/bin/python': (what) => {
    const name = what.argv[2] ?? '';
    // Of a container that serves nothing, only what is about its files is asked.
    if (!['revisions', 'pack', 'unpack'].includes(name)) return unknown(what.argv.join(' '));
    return agent(what, new AppContainer(what.machine.engine, what.container), name);
  },
  bash: (what) => {
    const [, , , name, ...args] = what.argv;
    const root = name === 'flask' ? args[0] : ROOT;
    if (behaviourAt(what.container, root ?? '', what.machine.engine.releases)?.cannotCreate)
      return { ...FAILS, stderr: 'Traceback (most recent call last):\nImportError: cannot import name create_app\n' };
    if (name === 'flask') return flask(what, args);
    if (name === 'as-application') return asApplication(what, args);
    return name === 'admin' ? admin(what) : unknown(what.argv.join(' '));
  },
};

/** psql over TCP from a container, with the password in a file. */
function login({ machine, container, argv, env }: Inside): Reply {
  const [, , , , host = '', , user = '', database = ''] = argv;
  const peer =
    container.address === host ? container : (machine.engine.at(host) ?? machine.engine.resolve(container, host));
  if (!peer?.server) return { exitCode: 2, stderr: `psql: error: connection to server at "${host}" failed\n` };
  const password = (env.WFOPS_PGPASS ?? '').replace(/^\*:\*:\*:\*:/, '').replace(/\\(.)/g, '$1');
  const refused = refusal(peer.server, user, password);
  if (refused) {
    const hint = refused.startsWith('password') ? 'password retrieved from file "/dev/shm/.x"\n' : '';
    return { exitCode: 2, stderr: `psql: error: FATAL:  ${refused}\n${hint}` };
  }
  if (!peer.server.cluster.databases[database]) return { exitCode: 2, stderr: 'FATAL: no such database\n' };
  return { stdout: '1\n' };
}

/** Creates the application without a server and asks it: `lib/domain/app/agent/ask_health.py`. */
function asApplication({ machine, container, input }: Inside, [root = '', ...words]: readonly string[]): Reply {
  const release = behaviourAt(container, root, machine.engine.releases);
  if (!release || words.at(-1) !== 'ask_health') return unknown(`as application: ${words.join(' ')}`);
  const [, args = '""'] = /^ARGS = json\.loads\((.*)\)$/m.exec(input.toString()) ?? [];
  const { paths, database } = JSON.parse(JSON.parse(args)) as { paths: string[]; database: string | null };
  const url = container.env.DATABASE_URL ?? '';
  const DATABASE_URL = database === null ? url : url.replace(/[^/]+$/, database);
  const asked = { ...container, sourced: {}, env: { ...container.env, DATABASE_URL } } as Container;
  const ask = async (path: string) => {
    const reply = answer(machine.engine, asked, { release } as Worker, path);
    return { path, status: reply.status, type: reply.headers.get('content-type') ?? '', body: await reply.text() };
  };
  return { later: Promise.all(paths.map(ask)).then((said) => ({ stdout: JSON.stringify(said) })) };
}

/** `flask db …`, as the application's image has it. */
function flask(what: Inside, [root = '', ...words]: readonly string[]): Reply {
  const { machine, container, input, changes } = what;
  const [command = '', revision = ''] = words.slice(words.indexOf('db') + 1);
  const release = behaviourAt(container, root, machine.engine.releases);
  if (!release || !exists(container, `${root}/.env`))
    return { ...FAILS, stderr: `bash: line 1: ${root}/.env: No such file or directory\n` };
  if (command === 'heads') return { stdout: `${release.head} (head)\n` };
  // It has only loaded the application.
  if (command === 'upgrade' && input.toString() !== 'go') return {};
  changes();
  const reached = connect(machine.engine, container);
  if (typeof reached === 'string') return { ...FAILS, stderr: `sqlalchemy.exc.OperationalError: ${reached}\n` };
  const database = reached.server.cluster.databases[reached.database] ?? unknown('a database that is not there');
  if (command === 'stamp') {
    database.stamp = revision;
    return {};
  }
  return command === 'upgrade' ? upgrade(database, release) : unknown(`flask db ${command}`);
}

/** The application's own question whether there is an admin. */
function admin({ machine, container, env, changes }: Inside): Reply {
  changes();
  const reached = connect(machine.engine, container);
  if (typeof reached === 'string') return { ...FAILS, stderr: `sqlalchemy.exc.OperationalError: ${reached}\n` };
  const users = reached.server.cluster.databases[reached.database]?.tables.users;
  if (!users || !env.WFOPS_ADMIN_PASSWORD) return { ...FAILS, stderr: 'relation "users" does not exist\n' };
  if (users.includes('admin')) return { stdout: 'WFOPS:EXISTS\n' };
  users.push('admin');
  return { stdout: 'WFOPS:CREATED\n' };
}
