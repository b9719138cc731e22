import { createHash } from 'node:crypto';
import { blobId } from './app-files.ts';
import type { Release } from './release.ts';
import { filesOf } from './release-files.ts';

export interface TreeEntry {
  readonly mode: '100644' | '100755' | '120000';
  readonly blob: string;
}

/** Files by path. */
export type GitTree = ReadonlyMap<string, TreeEntry>;

export interface Commit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly subject: string;
  /** Seconds of the epoch. */
  readonly date: number;
}

/** Blobs, trees and commits by their ids. Trees are flat, so their ids are the model's own. */
export class Objects {
  readonly blobs = new Map<string, string>();
  readonly trees = new Map<string, GitTree>();
  readonly commits = new Map<string, Commit>();

  addBlob(data: string): string {
    const id = blobId(data);
    this.blobs.set(id, data);
    return id;
  }

  addTree(tree: GitTree): string {
    const sorted = new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)));
    const id = sha1(JSON.stringify([...sorted]));
    this.trees.set(id, sorted);
    return id;
  }

  /** A commit with an id that its content gives. */
  addCommit(commit: Commit): string {
    const id = sha1(JSON.stringify(commit));
    this.commits.set(id, commit);
    return id;
  }

  /** A release as a commit of its own. */
  addRelease(release: Release, parents: readonly string[], date: number): void {
    const files = [...filesOf(release)].map(
      ([path, { mode, data }]) => [path, { mode, blob: this.addBlob(data) }] as const,
    );
    this.commits.set(release.commit, { tree: this.addTree(new Map(files)), parents, subject: 'A release', date });
  }

  treeOf(id: string): GitTree | undefined {
    return this.trees.get(this.commits.get(id)?.tree ?? id);
  }

  /** A commit and all before it, newest first. */
  history(id: string): string[] {
    const seen = new Set<string>();
    const visit = (at: string) => {
      if (seen.has(at)) return;
      seen.add(at);
      this.commits.get(at)?.parents.forEach(visit);
    };
    visit(id);
    return [...seen];
  }
}

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');
