import { createHash } from 'node:crypto';
import { targetSchema } from '../../../lib/core/target.ts';
import type { Container } from './engine.ts';
import type { Release } from './release.ts';
import { filesOf } from './release-files.ts';

/** A file: the same object under two paths is one file with two links. */
export interface FileNode {
  readonly data: string;
  readonly mode: '100644' | '100755' | '120000' | 'directory';
  readonly owner: string;
}

/** What of WhaleFall's image the library knows as well. */
const { release: RULES, app: APP } = targetSchema.parse({});
export const ROOT = APP.root;
export const KEPT = [APP.userdata.slice(ROOT.length + 1), ...RULES.kept];
export const isKept = (path: string) => KEPT.some((k) => path === k || path.startsWith(`${k}/`));

const images = new WeakMap<Release, ReadonlyMap<string, FileNode>>();

/** Where the image's build puts a file of the repository, besides its place below the root. */
export function copiesOf(path: string): string[] {
  const rules = [...RULES.copies, { from: RULES.site.from, to: RULES.site.template }];
  return rules.flatMap(({ from, to }) => {
    if (from.endsWith('/')) return path.startsWith(from) ? [to + path.slice(from.length)] : [];
    return path === from ? [to] : [];
  });
}

/** What the repository has where the build copies another file to. */
const isCopiedOver = (release: Release, path: string): boolean =>
  [...filesOf(release).keys()].some((from) => copiesOf(from).includes(`${ROOT}/${path}`));

/** The files of an image that was built from a release. */
function imageFiles(release: Release): ReadonlyMap<string, FileNode> {
  const present = images.get(release);
  if (present) return present;
  const files = new Map<string, FileNode>();
  for (const [path, file] of filesOf(release)) {
    const node: FileNode = { ...file, owner: 'root' };
    if (!isCopiedOver(release, path)) files.set(`${ROOT}/${path}`, node);
    for (const copy of copiesOf(path)) files.set(copy, { ...node });
  }
  const made = {
    [`${ROOT}/.env`]: '# as compose has it\n',
    [APP.python]: 'ELF',
    [`${ROOT}/frontend/dist/index.html`]: '',
  };
  for (const [path, data] of Object.entries(made)) files.set(path, { data, mode: '100644', owner: 'root' });
  images.set(release, files);
  return files;
}

const base = ({ image }: Container): ReadonlyMap<string, FileNode> =>
  image.release ? imageFiles(image.release) : new Map();

/** The layer holds what differs from the image: a node, a plain text, or undefined for what was removed. */
export function fileAt(c: Container, path: string): FileNode | undefined {
  if (!(path in c.layer)) return base(c).get(path);
  const there = c.layer[path];
  return typeof there === 'string' ? { data: there, mode: '100644', owner: 'app' } : (there as FileNode | undefined);
}

/** Paths of everything below a directory. */
export function pathsBelow(c: Container, directory: string): string[] {
  const all = new Set([...base(c).keys(), ...Object.keys(c.layer)]);
  return [...all].filter((p) => p.startsWith(`${directory}/`) && fileAt(c, p) !== undefined);
}

/** When a file's content changed last, or it was said to: its mtime. */
const touched = new WeakMap<FileNode, number>();
export const touch = (c: Container, node: FileNode) => touched.set(node, c.app?.now() ?? 0);
export const changedAt = (node: FileNode): number => touched.get(node) ?? 0;

export function write(c: Container, path: string, data: string, mode: FileNode['mode'] = '100644'): void {
  const node: FileNode = { data, mode, owner: 'root' };
  c.layer[path] = node;
  touch(c, node);
  c.app?.filesChanged();
}

/** One file more under another name, or under it instead of what was there. */
export function link(c: Container, from: string, to: string): void {
  const node = fileAt(c, from);
  if (node === undefined) throw new Error(`a link to nothing: ${from}`);
  if (typeof c.layer[from] === 'string') c.layer[from] = node;
  c.layer[to] = node;
  c.app?.filesChanged();
}

export function remove(c: Container, path: string): void {
  const node = fileAt(c, path);
  if (node === undefined) return;
  if (base(c).has(path)) c.layer[path] = undefined;
  else delete c.layer[path];
  c.app?.filesChanged();
}

/** Whether it is there, also by way of a link. */
export function exists(c: Container, path: string): boolean {
  const node = fileAt(c, path);
  if (node?.mode === '120000' && node.data.startsWith('/')) return exists(c, node.data);
  return node !== undefined || pathsBelow(c, path).length > 0;
}

const hashes = new Map<string, string>();

/** git's id of a content. */
export function blobId(data: string): string {
  const present = hashes.get(data);
  if (present) return present;
  const bytes = Buffer.from(data);
  const id = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  hashes.set(data, id);
  return id;
}

/** What `docker diff` prints: files alone, and the directories above them. */
export function diffLines(c: Container): string[] {
  const { layer = {} } = c.image;
  const own = Object.keys(c.layer).filter((path) => !(path in layer) || c.layer[path] !== layer[path]);
  const lines = own.map((path) => {
    const was = base(c).has(path);
    return `${fileAt(c, path) === undefined ? 'D' : was ? 'C' : 'A'} ${path.replace(/\/$/, '')}`;
  });
  const parents = new Set(own.flatMap(above));
  return [...[...parents].map((p) => `C ${p}`), ...lines];
}

const above = (path: string): string[] => {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`);
};

/** More than one release's files. */
export const MIX = 'mix';

/** Which release lies under a directory, file by file: its commit, or {@link MIX}. What no release has does not count. */
export function contentAt(c: Container, root: string, releases: ReadonlyMap<string, Release>): string {
  for (const release of releases.values()) if (wrongIn(c, root, release, releases).length === 0) return release.commit;
  return MIX;
}

/** Paths under a directory that are not as a release has them. */
export function wrongIn(
  c: Container,
  root: string,
  release: Release,
  releases: ReadonlyMap<string, Release>,
): string[] {
  const files = filesOf(release);
  const others = [...releases.values()].flatMap((r) => [...filesOf(r).keys()]).filter((p) => !files.has(p));
  const differs = ([path, file]: readonly [string, { data: string; mode: string }]) => {
    const there = fileAt(c, `${root}/${path}`);
    return there?.data !== file.data || there.mode !== file.mode;
  };
  return [
    ...[...files]
      .filter(([path]) => !isKept(path) && !isCopiedOver(release, path))
      .filter(differs)
      .map(([path]) => path),
    ...new Set(
      others.filter(
        (path) => !isKept(path) && !isCopiedOver(release, path) && fileAt(c, `${root}/${path}`) !== undefined,
      ),
    ),
  ];
}

/** The release whose code decides what happens, also in a mix. */
export function behaviourAt(c: Container, root: string, releases: ReadonlyMap<string, Release>): Release | undefined {
  const commit = /"(\w+)"/.exec(fileAt(c, `${root}/app/release.py`)?.data ?? '')?.[1] ?? '';
  return releases.get(commit);
}
