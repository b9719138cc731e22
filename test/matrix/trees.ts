import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { baseTree, type Tree, writeTree } from '../sandbox/base-tree.ts';
import type { Suite } from '../sandbox/recipe.ts';
import { say } from '../sandbox/run.ts';

export const WORK = path.join(tmpdir(), 'wfops-matrix');

/** Where made trees lie: several surroundings use the same. */
export const TREES = path.join(WORK, 'trees');

const MACHINE = [
  ...['docker.io', 'docker-cli', 'docker-compose', 'docker-buildx', 'iptables', 'iproute2', 'git', 'curl'],
  ...['ca-certificates', 'procps', 'util-linux', 'openssl', 'libstdc++6'],
];

/** What the images are imported from, where nothing can be downloaded. */
export const makeBaseTree = (suite: Suite): Promise<string> => made('base', baseTree(suite));

/** What a machine of that release has: an engine, and what the scripts call. */
export const makeMachineTree = (suite: Suite): Promise<string> => made('machine', { suite, packages: MACHINE });

async function made(what: string, tree: Tree): Promise<string> {
  const file = path.join(TREES, `${what}-${tree.suite}.tar`);
  if (existsSync(file)) return file;
  mkdirSync(TREES, { recursive: true });
  say({
    en: `Making a tree of Debian ${tree.suite} (${what}) from packages: about a minute.`,
    zh: `正在用软件包制作 Debian ${tree.suite} 文件树 (${what}), 约需一分钟.`,
  });
  // Another lane may be making the same.
  const own = `${file}.${process.pid}`;
  await writeTree(tree, own);
  renameSync(own, file);
  return file;
}
