import type { Suite } from '../sandbox/recipe.ts';
import type { Text } from '../sandbox/run.ts';

/** What a stack runs on and is made of, and who operates it. What is left out is this machine's own. */
export interface Surrounding {
  /** Begins with a letter of its own: `--only c` is enough. */
  readonly name: string;
  readonly title: Text;
  /** What the images are made of; see test/sandbox/recipe.ts. */
  readonly recipe: string;
  /** Another machine: all programs but node from that release, an engine in a network of its own. */
  readonly machine?: { readonly suite: Suite; readonly engine: readonly string[] };
  /** A user in the group docker with umask 077, whose deploy directory is behind a link and has a space in its path. */
  readonly plainUser?: true;
  /** Node's major version. */
  readonly node?: number;
}

export const SURROUNDINGS: readonly Surrounding[] = [
  { name: 'a-debian-12', title: { en: 'Debian 12', zh: 'Debian 12' }, recipe: 'bookworm' },
  {
    name: 'b-debian-13',
    title: {
      en: 'Debian 13; without max_requests, at which gunicorn 23 itself loses connections (benoitc/gunicorn#3380)',
      zh: 'Debian 13; 未设 max_requests: gunicorn 23 在回收 worker 时自身会丢失连接 (benoitc/gunicorn#3380)',
    },
    recipe: 'trixie',
    machine: { suite: 'trixie', engine: [] },
  },
  {
    name: 'c-newest',
    title: { en: 'the newest that Debian has (sid)', zh: 'Debian 最新版本 (sid)' },
    recipe: 'sid',
    machine: { suite: 'sid', engine: [] },
  },
  {
    name: 'd-containerd-store',
    title: {
      en: 'the same with the containerd image store, as engine 29 has by default',
      zh: '同上, 镜像存于 containerd (引擎 29 的默认方式)',
    },
    recipe: 'sid',
    machine: { suite: 'sid', engine: ['--feature', 'containerd-snapshotter=true'] },
  },
  {
    name: 'e-alpine',
    title: {
      en: 'PostgreSQL 18 and Redis over busybox, as in the alpine images',
      zh: 'PostgreSQL 18 与 Redis 运行于 busybox 之上, 与 alpine 镜像一致',
    },
    recipe: 'sid,alpine',
  },
  {
    name: 'f-valkey',
    title: { en: 'images as in b, with Valkey in place of Redis', zh: '镜像同 b, 以 Valkey 代替 Redis' },
    recipe: 'trixie,valkey',
  },
  {
    name: 'g-plain-user',
    title: {
      en: 'a user in the group docker, umask 077, the deploy directory behind a link and with a space in its path',
      zh: 'docker 组内的普通用户, umask 077, 部署目录为符号链接且路径含空格',
    },
    recipe: 'bookworm',
    plainUser: true,
  },
  { name: 'h-node-22', title: { en: 'Node 22', zh: 'Node 22' }, recipe: 'bookworm', node: 22 },
  { name: 'i-node-24', title: { en: 'Node 24', zh: 'Node 24' }, recipe: 'bookworm', node: 24 },
];

/** In this order: each begins with the stack as the one before has left it. In the end comes `down`. */
export const PARTS = [
  'install',
  'rebuild',
  'update',
  'rollback',
  'backup',
  'broken-update',
  'broken-rebuild',
  'killed',
] as const;

export type Part = (typeof PARTS)[number];

/** Of the stack in each. */
export const STACK = 'wfops-matrix';
