import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { DEFINITIONS } from '../secrets/leaks.ts';
import { docker, type Stack } from './stack.ts';

/** What a run could leave behind, looked at before and after. */
export interface Traces {
  /** Files and directories that the container has beyond its image; not of /app, which is compared with git. */
  readonly added: readonly string[];
  /** Of this project, with the moment since when each runs. */
  readonly containers: readonly string[];
  readonly images: readonly string[];
  readonly deployDir: readonly string[];
  /** Branches, tags and saved refs: not the remote-tracking ones, which every fetch moves. */
  readonly refs: readonly string[];
  readonly head: string;
  readonly status: string;
  readonly worktrees: string;
  readonly runs: readonly string[];
  readonly backups: readonly string[];
}

export function look(stack: Stack): Traces {
  const lines = (text: string) => text.split('\n').filter(Boolean).sort();
  const list = (dir: string) => {
    try {
      return readdirSync(dir).sort();
    } catch {
      return [];
    }
  };
  const diff = lines(docker('diff', stack.container('whalefall'))).filter((l) => l.startsWith('A '));
  const shm = lines(stack.inApp(['ls', '-A', '/dev/shm'])).map((name) => `/dev/shm/${name}`);
  return {
    added: [...diff.map((l) => l.slice(2)), ...shm].filter((f) => !/^\/app(\/(?!userdata)|$)|__pycache__/.test(f)),
    containers: containersOf(stack),
    images: lines(docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', `${stack.sandbox.project}/whalefall`)),
    deployDir: list(stack.sandbox.deployDir),
    refs: lines(stack.git(['for-each-ref', '--format=%(refname) %(objectname)'])).filter(
      (l) => !l.startsWith('refs/remotes/'),
    ),
    head: stack.git(['rev-parse', '--symbolic-full-name', 'HEAD']) + stack.git(['rev-parse', 'HEAD']),
    status: stack.git(['status', '--porcelain']),
    worktrees: stack.git(['worktree', 'list', '--porcelain']),
    runs: list(path.join(stack.state, 'runs')),
    backups: list(path.join(stack.state, 'backups')),
  };
}

function containersOf(stack: Stack): readonly string[] {
  const all = docker('ps', '-aq', '--no-trunc').split('\n').filter(Boolean);
  // By label or name: helpers carry the one or the other. One that has ended since the list was made is not left behind: it is missing here.
  const format = '{{.Name}} {{.Id}} {{.State.StartedAt}} {{json .Config.Labels}}';
  const described = spawnSync('docker', ['inspect', '-f', format, ...all], { encoding: 'utf8' }).stdout.split('\n');
  const ours = described.filter((l) => l.includes(stack.sandbox.project));
  return ours.map((l) => l.split(' ').slice(0, 3).join(' ')).sort();
}

/** Files below a directory in which one of the texts occurs; what may hold secrets by design is left out. */
export function filesWith(dir: string, texts: readonly string[]): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(dir, name))
    .filter((file) => statSync(file).isFile() && !/(^|\/)globals[^/]*$/.test(file) && !DEFINITIONS.test(file))
    .filter((file) => {
      const content = readFileSync(file);
      return texts.some((text) => content.includes(text));
    });
}

/** The objects of the deploy directory's repository, reachable or not, in which one of the texts occurs. */
export function objectsWith(stack: Stack, texts: readonly string[]): readonly string[] {
  const objects = stack.git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype)']);
  const blobs = [...objects.matchAll(/^(\w+) blob$/gm)].map((m) => m[1] ?? '');
  return blobs.filter((blob) => {
    const content = stack.git(['cat-file', 'blob', blob]);
    return texts.some((text) => content.includes(text));
  });
}
