import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sourceOf } from '../../../../lib/domain/app/agent.ts';

function directory(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'layer-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function write(root: string, file: string, text = '', mode = 0o644): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
  chmodSync(path.join(root, file), mode);
}

/** Everything below a directory: what it is, who may do what, what is in it. */
function all(root: string): Record<string, string> {
  const found = readdirSync(root, { recursive: true, withFileTypes: true }).map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    const { mode } = lstatSync(file);
    const what = entry.isSymbolicLink() ? readlinkSync(file) : entry.isDirectory() ? '' : readFileSync(file, 'utf8');
    return [path.relative(root, file), `${(mode & 0o7777).toString(8)} ${what}`] as const;
  });
  return Object.fromEntries(found);
}

/** Brings what one directory has in another way to the other one, as from a container to one of its image. */
function bring(from: string, to: string, paths: readonly string[], gone: readonly string[] = []): void {
  const below = (file: string) => path.join(from, file);
  const run = (script: string, args: unknown) =>
    execFileSync('python3', ['-', script], { input: sourceOf(script, args), maxBuffer: 1e8 });
  const tar = path.join(directory(), 'layer.tar');
  // As they are named in a container; the tar has them without the slash.
  writeFileSync(tar, run('pack', { paths: [...paths, ...gone].map(below) }));
  run('unpack', { tar, root: to, gone: gone.map(below) });
  expect(readdirSync(path.dirname(tar))).toEqual([]);
}

it('makes an image’s files those of the container, whatever each was before', () => {
  const [from, root] = [directory(), directory()];
  const to = path.join(root, from);
  for (const [where, text] of [
    [from, 'new'],
    [to, 'old'],
  ] as const) {
    write(where, 'app/same.py', 'same');
    write(where, 'app/changed.py', text, text === 'new' ? 0o755 : 0o644);
    write(where, 'kept/below/file', 'same');
  }
  write(to, 'app/gone.py');
  write(to, 'gone/below/file');
  write(to, 'becomes-link/file');
  symlinkSync('kept', path.join(from, 'becomes-link'));
  write(to, 'becomes-directory');
  write(from, 'becomes-directory/file', 'new');
  write(to, 'anew/old');
  write(from, 'anew/new', 'new');
  symlinkSync('nowhere', path.join(to, 'was-link'));
  write(from, 'was-link', 'new', 0o600);
  linkSync(path.join(from, 'was-link'), path.join(from, 'twin'));
  mkdirSync(path.join(from, 'empty'), { mode: 0o700 });
  chmodSync(path.join(from, 'kept'), 0o750); // only the directory itself is another

  const changed = ['app', 'app/changed.py', 'kept', 'becomes-link', 'becomes-directory', 'becomes-directory/file'];
  const more = ['anew/new', 'was-link', 'twin', 'empty', 'vanished-since'];
  bring(from, root, [...changed, ...more], ['app/gone.py', 'gone', 'anew']);
  expect(all(to)).toEqual(all(from));
  expect(lstatSync(path.join(to, 'twin')).ino).toBe(lstatSync(path.join(to, 'was-link')).ino);
});
