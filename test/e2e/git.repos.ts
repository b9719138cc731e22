import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { inject, onTestFinished } from 'vitest';
import type { JournalEvent } from '../../lib/core/journal.ts';
import type { Ops } from '../../lib/core/ops.ts';
import { Secrets } from '../../lib/core/secrets.ts';
import { childEnv, createShell } from '../../lib/core/shell.ts';
import { targetFor } from '../../lib/core/target.ts';

/** A deploy directory, the repository it came from, and ops over real processes. All gone after the test. */
export interface Scene {
  readonly root: string;
  readonly dir: string;
  readonly origin: string;
  readonly ops: Ops;
  readonly journal: JournalEvent[];
  /** git in the deploy directory, as a person there would type it. */
  readonly git: (...args: string[]) => string;
  /** A commit on origin's branch; null removes a file. Answers its id. */
  readonly release: (files: Record<string, string | null>, message?: string, branch?: string) => string;
  readonly write: (file: string, text: string) => void;
}

const PERSON = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@x', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@x' };

/** Bytes exactly as git gave them, in latin1. */
export function gitIn(dir: string, home: string, args: readonly string[], input?: string): string {
  return execFileSync('git', ['-C', dir, ...args], {
    env: { PATH: process.env.PATH, HOME: home, ...PERSON },
    encoding: 'latin1',
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input === undefined ? {} : { input: Buffer.from(input, 'latin1') }),
  });
}

export function scene(files: Record<string, string> = { 'app.py': 'one\n' }): Scene {
  const root = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-git-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  copied(files, root);
  const at = (name: string) => path.join(root, name);
  const [origin, dir, home, desk] = [at('origin.git'), at('deploy'), at('home'), at('desk')];
  const typed = (where: string, ...args: string[]) => gitIn(where, home, args).trim();
  const release: Scene['release'] = (changes, message = 'A release', branch = 'main') => {
    putFiles(desk, changes);
    typed(desk, 'add', '-A', '-f');
    typed(desk, 'commit', '-q', '--allow-empty', '-m', message);
    typed(desk, 'push', '-q', '-f', 'origin', `HEAD:refs/heads/${branch}`);
    return typed(desk, 'rev-parse', 'HEAD');
  };
  const state = path.join(dir, '.whalefall-ops');
  const paths = { state, backups: path.join(state, 'backups'), run: path.join(state, 'runs', 'e2e') };
  mkdirSync(paths.run, { recursive: true });
  writeFileSync(path.join(state, '.gitignore'), '*\n');
  const env = childEnv({ PATH: process.env.PATH, HOME: home });
  const journal: JournalEvent[] = [];
  return {
    root,
    dir,
    origin,
    journal,
    release,
    git: (...args) => typed(dir, ...args),
    write: (file, text) => {
      mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
      writeFileSync(path.join(dir, file), text);
    },
    ops: {
      $: createShell({ env, spawn }),
      env,
      target: targetFor(dir),
      paths,
      clock: { now: Date.now, monotonic: () => performance.now(), sleep: async () => undefined },
      net: {} as Ops['net'],
      screen: {} as Ops['screen'],
      journal: { write: (event) => journal.push(event) },
      secrets: new Secrets(),
      kill: (pid, name) => void process.kill(-pid, name),
      signal: new AbortController().signal,
    },
  };
}

/** By the files of their first release. */
const FIRST = new Map<string, string>();

/** Repositories with a first release of these files: made once, and copied for each scene, which takes a tenth of the processes. */
function copied(files: Readonly<Record<string, string>>, root: string): void {
  const key = JSON.stringify(files);
  const first = FIRST.get(key) ?? made(files, path.join(inject('sharedRoot'), `git-${FIRST.size}`));
  FIRST.set(key, first);
  cpSync(first, root, { recursive: true, preserveTimestamps: true });
  // A clone names its origin by its whole path, and knows its files by their inodes.
  const config = path.join(root, 'deploy/.git/config');
  writeFileSync(config, readFileSync(config, 'utf8').replace(first, root));
  for (const repository of ['deploy', 'desk'])
    gitIn(path.join(root, repository), path.join(root, 'home'), ['update-index', '-q', '--refresh']);
}

function made(files: Readonly<Record<string, string>>, root: string): string {
  const [home, desk] = [path.join(root, 'home'), path.join(root, 'desk')];
  mkdirSync(home, { recursive: true });
  const typed = (where: string, ...args: string[]) => gitIn(where, home, args);
  typed(root, 'init', '-q', '--bare', '-b', 'main', 'origin.git');
  typed(root, 'init', '-q', '-b', 'main', 'desk');
  typed(desk, 'remote', 'add', 'origin', '../origin.git');
  putFiles(desk, files);
  typed(desk, 'add', '-A', '-f');
  typed(desk, 'commit', '-q', '-m', 'First');
  typed(desk, 'push', '-q', 'origin', 'main');
  typed(root, 'clone', '-q', path.join(root, 'origin.git'), 'deploy');
  return root;
}

function putFiles(desk: string, files: Readonly<Record<string, string | null>>): void {
  for (const [file, text] of Object.entries(files)) {
    rmSync(path.join(desk, file), { recursive: true, force: true });
    if (text === null) continue;
    mkdirSync(path.dirname(path.join(desk, file)), { recursive: true });
    writeFileSync(path.join(desk, file), text);
  }
}

/** A server that takes connections and never says anything. */
export async function silentServer(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}
