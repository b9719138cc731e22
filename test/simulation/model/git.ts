import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { unknown } from './flags.ts';
import { type GitTree, Objects, type TreeEntry } from './git-objects.ts';
import { Worktree } from './git-worktree.ts';
import type { Call, Reply } from './process.ts';
import type { Release } from './release.ts';
import { tarOf } from './ustar.ts';

const BARE = new Set(['--no-optional-locks', '--no-replace-objects', '--literal-pathspecs']);
const FATAL = 128;

interface Asked {
  readonly words: readonly string[];
  readonly call: Call;
  readonly changes: () => void;
}

type Answer = (asked: Asked) => Reply;

/** The deploy directory's repository, its remote, and `git` as far as the library uses it. */
export class Repository {
  readonly objects = new Objects();
  readonly worktree: Worktree;
  readonly refs = new Map<string, string>();
  /** The remote's branches. */
  readonly remote = new Map<string, string>();
  readonly #checkedOut: (commit: string) => void;

  /** @param checkedOut told of each commit that the directory is brought to. */
  constructor(dir: string, checkedOut: (commit: string) => void) {
    this.worktree = new Worktree(dir, this.objects);
    this.#checkedOut = checkedOut;
    mkdirSync(path.join(dir, '.git', 'objects'), { recursive: true });
  }

  /** A release that was pushed, on top of what the remote has. */
  push(release: Release, date: number): void {
    const parents = [this.remote.get('main') ?? []].flat();
    this.objects.addRelease(release, parents, date);
    this.remote.set('main', release.commit);
  }

  /** `git reset --hard` by hand, on the branch main. */
  checkOut(commit: string): void {
    this.refs.set('refs/heads/main', commit);
    this.worktree.checkOut(this.objects.treeOf(commit) ?? unknown(commit));
    this.#checkedOut(commit);
  }

  get head(): string {
    return this.refs.get('refs/heads/main') ?? '';
  }

  run(call: Call, changed: (call: Call) => void): Reply {
    const words = call.argv.slice(1);
    let at = 0;
    for (; words[at]?.startsWith('-'); at += 1) {
      const word = words[at] ?? '';
      if (word === '-c') at += 1;
      else if (word === '-C') {
        at += 1;
        if (words[at] !== this.worktree.dir) return unknown(`git in ${words[at]}`);
      } else if (!BARE.has(word)) return unknown(`git ${word}`);
    }
    const known = this.#commands[words[at] ?? ''] ?? unknown(call.argv.join(' '));
    return known({ words: words.slice(at + 1), call, changes: () => changed(call) });
  }

  /** A commit by what people and programs call it. */
  #resolve(revision: string): string | undefined {
    const name = revision.replace(/\^\{commit\}$/, '');
    if (name === 'HEAD') return this.head;
    for (const prefix of ['', 'refs/tags/', 'refs/heads/', 'refs/remotes/'])
      if (this.refs.has(prefix + name)) return this.refs.get(prefix + name);
    const ids = [...this.objects.commits.keys()].filter((id) => /^[0-9a-f]{4,}$/.test(name) && id.startsWith(name));
    return ids.length === 1 ? ids[0] : undefined;
  }

  #tree = (revision: string): GitTree => this.objects.treeOf(revision) ?? unknown(`tree ${revision}`);
  #headTree = (): GitTree => this.#tree(this.head);
  #indexFile = (call: Call): string => call.env.GIT_INDEX_FILE ?? this.worktree.ownIndex;

  readonly #commands: Readonly<Record<string, Answer>> = {
    archive: ({ words }) => {
      const commit = this.#resolve(words.at(-1) ?? '');
      if (words[0] !== '--format=tar' || commit === undefined) return unknown(`archive ${words.join(' ')}`);
      const entries = [...this.#tree(commit)].map(([name, { mode, blob }]) => {
        return { name, mode, data: this.objects.blobs.get(blob) ?? unknown(blob) };
      });
      return { stdout: tarOf(commit, entries, this.objects.commits.get(commit)?.date ?? 0) };
    },
    'cat-file': ({ words: [what, id = ''] }) => {
      const data = this.objects.blobs.get(id);
      if (what !== 'blob') return unknown(`cat-file ${what}`);
      return data === undefined
        ? { exitCode: FATAL, stderr: `fatal: Not a valid object name ${id}\n` }
        : { stdout: data };
    },
    'check-ref-format': ({ words: [ref = ''] }) => ({
      exitCode: /^[\w./-]+$/.test(ref) && !ref.includes('..') ? 0 : 1,
    }),
    'commit-tree': ({ words, call, changes }) => {
      const [flag, parent = '', tree = ''] = words;
      if (flag !== '-p' || !this.objects.trees.has(tree)) return unknown(`commit-tree ${words.join(' ')}`);
      changes();
      const date = Number.parseInt(call.env.GIT_COMMITTER_DATE ?? '', 10);
      return {
        stdout: `${this.objects.addCommit({ tree, parents: [parent], subject: call.input.toString().trim(), date })}\n`,
      };
    },
    config: ({ words }) => (words.includes('--get-regexp') ? { exitCode: 1 } : unknown(words.join(' '))),
    'diff-tree': ({ words }) => {
      if (!words.join(' ').startsWith('-r -z --no-renames --name-only '))
        return unknown(`diff-tree ${words.join(' ')}`);
      const [a, b] = words.slice(-2).map((id) => this.#tree(id)) as [GitTree, GitTree];
      const differ = [...new Set([...a.keys(), ...b.keys()])].filter((f) => a.get(f)?.blob !== b.get(f)?.blob);
      return { stdout: differ.map((f) => `${f}\0`).join('') };
    },
    fetch: ({ words }) => {
      const [remote, refspec = ''] = words.slice(words.indexOf('--') + 1);
      const [, from = '', to = ''] = /^\+refs\/heads\/(.+):refs\/remotes\/origin\/(.+)$/.exec(refspec) ?? [];
      if (remote !== 'origin' || from !== to) return unknown(`fetch ${words.join(' ')}`);
      const branches = from === '*' ? [...this.remote.keys()] : [from];
      for (const branch of branches) {
        const id = this.remote.get(branch);
        if (!id) return { exitCode: FATAL, stderr: `fatal: couldn't find remote ref refs/heads/${branch}\n` };
        this.refs.set(`refs/remotes/origin/${branch}`, id);
      }
      return {};
    },
    'for-each-ref': ({ words: [format, , ...names] }) => {
      if (format !== '--format=%(refname)') return unknown(`for-each-ref ${format}`);
      return {
        stdout: names
          .filter((n) => this.refs.has(n))
          .map((n) => `${n}\n`)
          .join(''),
      };
    },
    grep: ({ words }) => {
      const [pattern = '', revision = '', ...rest] = words.slice(words.indexOf('-e') + 1);
      const how = words.slice(0, words.indexOf('-e') + 1).join(' ');
      if (how !== '-l -z --no-color -F -e' || rest.join(' ') !== '--') return unknown(`grep ${words.join(' ')}`);
      const found = [...this.#tree(this.#resolve(revision) ?? revision)].filter(([, { blob }]) =>
        this.objects.blobs.get(blob)?.includes(pattern),
      );
      return found.length > 0 ? { stdout: found.map(([file]) => `${revision}:${file}\0`).join('') } : { exitCode: 1 };
    },
    'hash-object': ({ words, call, changes }) => {
      const how = words.join(' ');
      const text = call.input.toString('utf8');
      changes();
      if (how === '-w --no-filters --stdin') return { stdout: `${this.objects.addBlob(text)}\n` };
      if (how !== '-w --no-filters --stdin-paths') return unknown(`hash-object ${how}`);
      const files = text.trimEnd().split('\n').map(unquoted);
      const ids = files.map((f) => this.objects.addBlob(this.worktree.entry(f)?.data ?? unknown(`no file ${f}`)));
      return { stdout: ids.map((id) => `${id}\n`).join('') };
    },
    log: ({ words }) => this.#log(words),
    'ls-files': ({ words, call }) => {
      const how = words.join(' ');
      const index = this.worktree.readIndex(this.#indexFile(call));
      const nul = (files: readonly string[]) => ({ stdout: files.map((f) => `${f}\0`).join('') });
      if (how === '--others --directory -z') return nul(this.worktree.untrackedTops(index));
      if (how === '--others -z') return nul(this.worktree.untracked(index, true));
      if (how === '-v -z') return nul([...index.keys()].map((f) => `H ${f}`));
      if (how.startsWith('-z -- ')) return nul(words.slice(2).filter((f) => index.has(f)));
      return unknown(`ls-files ${how}`);
    },
    'ls-tree': ({ words }) => {
      const flags = words.filter((w) => w.startsWith('-') && w !== '--');
      const [revision = '', ...paths] = words.filter((w) => !w.startsWith('-'));
      if (!['-r -z --full-tree', '-z --full-tree'].includes(flags.join(' ')))
        return unknown(`ls-tree ${words.join(' ')}`);
      const wanted = [...this.#tree(this.#resolve(revision) ?? revision)].filter(
        ([file]) => paths.length === 0 || paths.includes(file),
      );
      return { stdout: wanted.map(([file, { mode, blob }]) => `${mode} blob ${blob}\t${file}\0`).join('') };
    },
    'read-tree': ({ words: [revision = ''], call }) => {
      if (!call.env.GIT_INDEX_FILE) return unknown('read-tree into the index of the directory');
      this.worktree.writeIndex(this.#tree(this.#resolve(revision) ?? revision), this.#indexFile(call));
      return {};
    },
    remote: ({ words }) =>
      words.join(' ') === '-v'
        ? { stdout: ['fetch', 'push'].map((what) => `origin\thttps://example.org/whalefall.git (${what})\n`).join('') }
        : unknown(`remote ${words.join(' ')}`),
    reset: ({ words, changes }) => {
      const [hard, quiet, revision = '', dashes] = words;
      const commit = this.#resolve(revision);
      if (`${hard} ${quiet} ${dashes}` !== '--hard --quiet --' || !commit) return unknown(`reset ${words.join(' ')}`);
      changes();
      this.checkOut(commit);
      return {};
    },
    'rev-parse': ({ words }) => this.#revParse(words),
    status: ({ words, call }) => {
      const how = words.join(' ');
      const listsUntracked = how === '--porcelain -z --no-renames --untracked-files=normal --ignore-submodules=dirty';
      const tracked = '--porcelain -z --no-renames --untracked-files=no --ignore-submodules=all';
      if (!listsUntracked && how !== tracked) return unknown(`status ${how}`);
      const index = this.worktree.readIndex(this.#indexFile(call));
      const { staged, unstaged } = this.worktree.changed(this.#headTree(), index);
      const mark = (f: string) => `${staged.has(f) ? 'M' : ' '}${unstaged.has(f) ? 'M' : ' '} ${f}\0`;
      const others = listsUntracked ? this.worktree.untracked(index, false).map((f) => `?? ${f}\0`) : [];
      return { stdout: [...[...new Set([...staged, ...unstaged])].map(mark), ...others].join('') };
    },
    'symbolic-ref': () => ({ stdout: 'refs/heads/main\n' }),
    'update-index': ({ words, call }) => {
      if (words.join(' ') !== '--add --replace --index-info') return unknown(`update-index ${words.join(' ')}`);
      const index = this.worktree.readIndex(this.#indexFile(call));
      for (const line of call.input.toString('utf8').trimEnd().split('\n')) {
        const [, mode = '', blob = '', file = ''] = /^(\d+) ([0-9a-f]+)\t(.*)$/.exec(line) ?? [];
        if (mode === '0') index.delete(unquoted(file));
        else index.set(unquoted(file), { mode, blob } as TreeEntry);
      }
      this.worktree.writeIndex(index, this.#indexFile(call));
      return {};
    },
    'update-ref': ({ words, changes }) => {
      if (words[0] === '-d') {
        const [, , gone = '', at] = words;
        changes();
        if (this.refs.get(gone) !== at) return { exitCode: 1, stderr: `error: cannot lock ref '${gone}'\n` };
        this.refs.delete(gone);
        return {};
      }
      const [dashes, ref = '', commit = '', former] = words;
      if (dashes !== '--' || !this.objects.commits.has(commit)) return unknown(`update-ref ${words.join(' ')}`);
      changes();
      if (former !== undefined && this.refs.has(ref))
        return { exitCode: FATAL, stderr: `fatal: cannot lock ref '${ref}': reference already exists\n` };
      this.refs.set(ref, commit);
      return {};
    },
    'write-tree': ({ call }) => ({
      stdout: `${this.objects.addTree(this.worktree.readIndex(this.#indexFile(call)))}\n`,
    }),
  };

  #log(words: readonly string[]): Reply {
    const how = words.join(' ');
    const head = /^-1 --format=(%H|%cI)%n%s(?: (\w+) --)?$/.exec(how);
    if (head) {
      const id = this.#resolve(head[2] ?? 'HEAD');
      const commit = id && this.objects.commits.get(id);
      if (!commit) return { exitCode: FATAL, stderr: `fatal: bad object ${head[2] ?? 'HEAD'}\n` };
      const first = head[1] === '%H' ? id : new Date(commit.date * 1000).toISOString();
      return { stdout: `${first}\n${commit.subject}\n` };
    }
    const local = /^-z --format=%H%n%s HEAD --not (\w+) --remotes( --glob=refs\/whalefall-ops\/releases\/\*)? --$/.exec(
      how,
    );
    if (!local) return unknown(`log ${how}`);
    const prefixes = ['refs/remotes/', ...(local[2] ? ['refs/whalefall-ops/releases/'] : [])];
    const isOther = (ref: string) => prefixes.some((p) => ref.startsWith(p));
    const others = [local[1] ?? '', ...[...this.refs].filter(([ref]) => isOther(ref)).map(([, id]) => id)];
    const known = new Set(others.flatMap((id) => this.objects.history(id)));
    const unpushed = this.objects.history(this.head).filter((id) => !known.has(id));
    return { stdout: unpushed.map((id) => `${id}\n${this.objects.commits.get(id)?.subject}\0`).join('') };
  }

  #revParse(words: readonly string[]): Reply {
    const how = words.join(' ');
    const { dir } = this.worktree;
    if (how === '--absolute-git-dir --is-inside-work-tree --show-cdup --git-path objects')
      return { stdout: `${dir}/.git\ntrue\n\n.git/objects\n` };
    if (how === '--is-shallow-repository') return { stdout: 'false\n' };
    const tree = /^(\S+)\^\{tree\}$/.exec(how)?.[1];
    if (tree) return { stdout: `${this.objects.commits.get(this.#resolve(tree) ?? '')?.tree ?? unknown(how)}\n` };
    const revision = /^--verify --end-of-options (\S+)$/.exec(how)?.[1] ?? unknown(`rev-parse ${how}`);
    const id = this.#resolve(revision);
    return id ? { stdout: `${id}\n` } : { exitCode: FATAL, stderr: 'fatal: Needed a single revision\n' };
  }
}

/** A path in quotes, with octal escapes. */
const unquoted = (text: string): string =>
  /^".*"$/.test(text)
    ? text.slice(1, -1).replace(/\\(\d{3})/g, (_, o: string) => String.fromCharCode(Number.parseInt(o, 8)))
    : text;
