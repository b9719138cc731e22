import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { $ } from './run.ts';

/** Nothing of the person's own git configuration may change what happens here, and none of it is changed. */
const git = $({
  env: {
    ...process.env,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Sandbox',
    GIT_AUTHOR_EMAIL: 'sandbox@localhost',
    GIT_COMMITTER_NAME: 'Sandbox',
    GIT_COMMITTER_EMAIL: 'sandbox@localhost',
  },
});

/** Files by their path in the repository: text, text that can be run, or where a link points to; null removes one. */
export type Files = Record<string, string | { run: string } | { link: string } | null>;

/** Make the bare repository `origin` whose main branch starts with the content of a directory plus `files`. */
export async function createOrigin(origin: string, content: string, files: Files): Promise<string> {
  mkdirSync(dirname(origin), { recursive: true });
  await git`git init -q --bare --initial-branch=main ${origin}`;
  return inScratch(async (dir) => {
    await git`git init -q --initial-branch=main ${dir}`;
    await git({ cwd: dir })`git remote add origin ${origin}`;
    cpSync(content, dir, { recursive: true, filter: (path) => !/__pycache__|\.template$/.test(path) });
    return commit(dir, 'First release', files);
  });
}

/** Put one more commit on origin's main branch, and answer its id. `on` names a commit whose files it starts from. */
export async function commitTo(origin: string, message: string, files: Files, on?: string): Promise<string> {
  return inScratch(async (dir) => {
    await git`git clone -q ${origin} ${dir}`;
    if (on) await git({ cwd: dir })`git read-tree -u --reset ${on}`;
    return commit(dir, message, files);
  });
}

/** Clone origin for deploying from. */
export async function cloneFrom(origin: string, dir: string): Promise<void> {
  if (!existsSync(dir)) await git`git clone -q --branch main ${origin} ${dir}`;
}

/** Bring a clone to origin's main branch, whatever it holds; untracked files stay. */
export async function pullInto(dir: string): Promise<string> {
  await git({ cwd: dir })`git fetch -q origin main && git checkout -q main && git reset -q --hard origin/main`;
  return (await git({ cwd: dir })`git rev-parse HEAD`).stdout.trim();
}

/** How many commits does origin's main branch have? */
export async function countCommits(origin: string): Promise<number> {
  return Number((await git({ cwd: origin })`git rev-list --count main`).stdout);
}

async function commit(dir: string, message: string, files: Files): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(dir, path);
    // Always first, because writing keeps the mode of what is there, and follows a link.
    rmSync(file, { recursive: true, force: true });
    if (content === null) continue;
    mkdirSync(dirname(file), { recursive: true });
    if (typeof content === 'string') writeFileSync(file, content);
    else if ('run' in content) writeFileSync(file, content.run, { mode: 0o755 });
    else symlinkSync(content.link, file);
  }
  const inDir = git({ cwd: dir });
  await inDir`git add -A && git commit -q --allow-empty -m ${message} && git push -q origin HEAD:main`;
  return (await inDir`git rev-parse HEAD`).stdout.trim();
}

async function inScratch<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const parent = mkdtempSync(join(tmpdir(), 'whalefall-sandbox-git-'));
  try {
    return await work(join(parent, 'clone'));
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}
