import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { blobId } from './app-files.ts';
import type { GitTree, Objects, TreeEntry } from './git-objects.ts';

/** Never git's, and what `.gitignore` names. */
const isIgnored = (file: string) => file === '.env' || file.startsWith('.whalefall-ops/');

/** Real files in the deploy directory, and index files with the model's own content. */
export class Worktree {
  readonly dir: string;
  readonly #objects: Objects;

  constructor(dir: string, objects: Objects) {
    this.dir = dir;
    this.#objects = objects;
  }

  /** All files but git's own, also ignored ones. */
  list(): string[] {
    return readdirSync(this.dir, { recursive: true, withFileTypes: true })
      .filter((e) => !e.isDirectory())
      .map((e) => path.relative(this.dir, path.join(e.parentPath, e.name)))
      .filter((file) => !file.startsWith('.git/'))
      .sort();
  }

  /** What lies there, as the index would have it; undefined for nothing. */
  entry(file: string): (TreeEntry & { readonly data: string }) | undefined {
    const full = path.join(this.dir, file);
    const stat = lstatSync(full, { throwIfNoEntry: false });
    if (!stat || stat.isDirectory()) return undefined;
    const data = stat.isSymbolicLink() ? readlinkSync(full) : readFileSync(full, 'utf8');
    const mode = stat.isSymbolicLink() ? '120000' : stat.mode & 0o100 ? '100755' : '100644';
    return { mode, blob: blobId(data), data };
  }

  get ownIndex(): string {
    return path.join(this.dir, '.git', 'index');
  }

  readIndex(file = this.ownIndex): Map<string, TreeEntry> {
    try {
      return new Map(JSON.parse(readFileSync(file, 'utf8')) as [string, TreeEntry][]);
    } catch {
      return new Map();
    }
  }

  writeIndex(index: GitTree, file = this.ownIndex): void {
    writeFileSync(file, JSON.stringify([...index]));
  }

  /** Paths that differ: from the commit in the index, from the index in the files. */
  changed(head: GitTree, index: GitTree): { staged: Set<string>; unstaged: Set<string> } {
    const differ = (a: TreeEntry | undefined, b: TreeEntry | undefined) => a?.blob !== b?.blob || a?.mode !== b?.mode;
    const all = new Set([...head.keys(), ...index.keys()]);
    return {
      staged: new Set([...all].filter((f) => differ(head.get(f), index.get(f)))),
      unstaged: new Set([...index.keys()].filter((f) => differ(index.get(f), this.entry(f)))),
    };
  }

  untracked(index: GitTree, withIgnored: boolean): string[] {
    return this.list().filter((file) => !index.has(file) && (withIgnored || !isIgnored(file)));
  }

  /** Also ignored ones; a directory of which the index has nothing stands for all that is in it. */
  untrackedTops(index: GitTree): string[] {
    const tracked = [...index.keys()];
    const tops = this.untracked(index, true).map((file) => {
      const above = [...file.matchAll(/\//g)].map(({ index: at }) => file.slice(0, at + 1));
      return above.find((directory) => !tracked.some((f) => f.startsWith(directory))) ?? file;
    });
    return [...new Set(tops)];
  }

  /** `reset --hard`: files and index become the tree's; what is not git's stays. */
  checkOut(tree: GitTree): void {
    for (const file of this.readIndex().keys()) if (!tree.has(file)) rmSync(path.join(this.dir, file), { force: true });
    for (const [file, { mode, blob }] of tree) {
      const there = this.entry(file);
      if (there?.blob === blob && there.mode === mode) continue;
      const full = path.join(this.dir, file);
      const data = this.#objects.blobs.get(blob) ?? '';
      rmSync(full, { force: true, recursive: true });
      mkdirSync(path.dirname(full), { recursive: true });
      if (mode === '120000') symlinkSync(data, full);
      else writeFileSync(full, data);
      if (mode === '100755') chmodSync(full, 0o755);
    }
    this.writeIndex(tree);
  }
}
