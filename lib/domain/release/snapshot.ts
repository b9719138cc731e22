import { copyFileSync, existsSync, lstatSync, readlinkSync, type Stats } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { ask, run } from '../../core/run.ts';
import { ancestors } from '../../tools/git/collisions.ts';
import { gitChange } from '../../tools/git/git.ts';
import { listed, quotedPath } from '../../tools/git/paths.ts';
import { openRepository } from '../../tools/git/repository.ts';
import { withIndex } from '../../tools/git/working-index.ts';
import type { LocalChanges } from './local-changes.ts';

const DEADLINE_MS = 600_000;

/** Tree ids. */
export interface Snapshot {
  /** HEAD's tree with the changed files as they lie there, byte for byte: no filter, no conversion of line ends. */
  readonly files: string;
  /** What is staged; `undefined` while a merge has conflicts. */
  readonly staged: string | undefined;
}

/**
 * Puts what was changed into the object database. Neither files nor the person's index change. The same state gives the same ids.
 *
 * @throws {OpsError} `precondition` when among them are environment files, which must never get into git, or repositories.
 */
export async function snapshot(ops: Ops, changes: LocalChanges): Promise<Snapshot> {
  const { dir } = ops.target;
  const paths = [...new Set([...changes.uncommitted, ...changes.colliding])];
  const present = paths.flatMap((file) => {
    const stat = statOf(dir, file);
    return stat === undefined ? [] : [{ file, stat }];
  });
  throwIfUnsafe(present);
  const staged = await stagedTree(ops);
  const files = await withIndex(ops, async (env) => {
    await run(ops, gitChange(dir, ['read-tree', changes.head], { env }));
    // Removals first: what was a file may be a directory now.
    const removals = paths.map((file) => `0 ${'0'.repeat(changes.head.length)}\t${quotedPath(file)}`);
    const additions = await store(ops, present);
    const input = [...removals, ...additions].map((line) => `${line}\n`).join('');
    await run(ops, gitChange(dir, ['update-index', '--add', '--replace', '--index-info'], { env, input }));
    return ask(ops, gitChange(dir, ['write-tree'], { env }));
  });
  return { files, staged };
}

/** `undefined` when the file is gone, also when there is a directory in its place or a link above it: git doesn't look behind those. */
function statOf(dir: string, file: string): Stats | undefined {
  const look = (name: string) => lstatSync(path.join(dir, name), { throwIfNoEntry: false });
  if (ancestors(file).some((above) => !look(above)?.isDirectory())) return undefined;
  const stat = look(file);
  return stat?.isDirectory() && !file.endsWith('/') ? undefined : stat;
}

async function stagedTree(ops: Ops): Promise<string | undefined> {
  const index = path.join((await openRepository(ops)).gitDir, 'index');
  if (!existsSync(index)) return undefined;
  return withIndex(ops, async (env, copy) => {
    copyFileSync(index, copy);
    const { exitCode, stdout } = await run(ops, gitChange(ops.target.dir, ['write-tree'], { env }), [0, 128]);
    return exitCode === 0 ? stdout.trim() : undefined;
  });
}

interface Present {
  readonly file: string;
  readonly stat: Stats;
}

function throwIfUnsafe(present: readonly Present[]): void {
  const secrets = present.map((f) => f.file).filter(isEnvironment);
  const foreign = present.filter((f) => f.file.endsWith('/')).map((f) => f.file);
  if (secrets.length > 0) throw environmentInTheWay(secrets);
  if (foreign.length > 0) throw repositoryInTheWay(foreign);
}

/** Writes the contents as blobs; gives lines for `update-index --index-info`. */
async function store(ops: Ops, present: readonly Present[]): Promise<readonly string[]> {
  const { dir } = ops.target;
  const lines: string[] = [];
  for (const { file } of present.filter((f) => f.stat.isSymbolicLink())) {
    const input = readlinkSync(path.join(dir, file));
    const blob = await ask(ops, gitChange(dir, ['hash-object', '-w', '--no-filters', '--stdin'], { input }));
    lines.push(`120000 ${blob}\t${quotedPath(file)}`);
  }
  const regular = present.filter((f) => !f.stat.isSymbolicLink());
  if (regular.length === 0) return lines;
  const input = regular.map((f) => `${quotedPath(f.file)}\n`).join('');
  const hash = gitChange(dir, ['hash-object', '-w', '--no-filters', '--stdin-paths'], {
    input,
    deadlineMs: DEADLINE_MS,
  });
  const blobs = (await ask(ops, hash)).split('\n');
  regular.forEach(({ file, stat }, i) => {
    lines.push(`${stat.mode & 0o100 ? '100755' : '100644'} ${blobs[i]}\t${quotedPath(file)}`);
  });
  return lines;
}

/** `.env`, `.env.production`, and what editors and people make of it (`.env~`, `.env-old`); not `env.example`. */
const isEnvironment = (file: string) => /^\.env/i.test(path.basename(file));

const environmentInTheWay = (files: readonly string[]) =>
  refuse(
    {
      en: `The new commit would overwrite this server's ${listed(files)}. It may hold passwords, so it is not saved in git.`,
      zh: `新提交会覆盖本服务器上的 ${listed(files)}. 其中可能含有密码, 因此不会保存到 git 中.`,
    },
    {
      en: 'Remove the file from the repository (git rm --cached), and keep it in .gitignore; or move yours out of the directory first.',
      zh: '请将该文件从代码仓库中移除 (git rm --cached) 并写入 .gitignore, 或先把服务器上的文件移出该目录.',
    },
  );

const repositoryInTheWay = (directories: readonly string[]) =>
  refuse(
    {
      en: `Where the new commit has files there is another git repository: ${listed(directories)}`,
      zh: `新提交的文件路径上存在另一个 git 仓库: ${listed(directories)}`,
    },
    { en: 'Move it out of the directory.', zh: '请将其移出该目录.' },
  );
