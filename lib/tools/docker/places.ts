import path from 'node:path';
import { printable, type Text } from '../../core/text.ts';

/** Something that is mounted in a container: as the engine has it, or as the compose file would have it. */
export interface Mount {
  /** `own`: what goes with its container, such as a tmpfs or a volume without a name. */
  readonly kind: 'volume' | 'bind' | 'own';
  /** The volume's name, or the path on the host; '' for what is the container's own. */
  readonly source: string;
  /** Mount point in the container. */
  readonly target: string;
  /** Of what the compose file has: a container can't write to it. */
  readonly readOnly?: boolean;
}

/** Where a directory of a container really lies: on what, and where below it. */
export interface Place {
  readonly kind: Mount['kind'];
  readonly source: string;
  /** Below the mount, '' for the whole of it; for what is the container's own, the directory itself. */
  readonly path: string;
}

/** The mount that holds a directory is the deepest one at or above it. */
export function placeOf(mounts: readonly Mount[], directory: string): Place {
  const wanted = path.posix.resolve('/', directory);
  const [mount] = mounts
    .filter((m) => isWithin(wanted, m.target))
    .sort((a, b) => path.posix.resolve(b.target).length - path.posix.resolve(a.target).length);
  if (mount === undefined || mount.kind === 'own') return { kind: 'own', source: '', path: wanted };
  return { kind: mount.kind, source: mount.source, path: path.posix.relative(mount.target, wanted) };
}

/** Whether a path is this directory or below it. */
export const isWithin = (file: string, directory: string): boolean =>
  `${path.posix.resolve('/', file)}/`.startsWith(`${path.posix.resolve('/', directory)}/`.replace('//', '/'));

export const samePlace = (a: Place, b: Place): boolean =>
  a.kind === b.kind && a.source === b.source && a.path === b.path;

/** A place in words. */
export function placeText({ kind, source, path: below }: Place): Text {
  const name = printable(source);
  if (kind === 'own') return { en: `the container's own ${printable(below)}`, zh: `容器自身的 ${printable(below)}` };
  const at = below === '' ? '' : `/${printable(below)}`;
  if (kind === 'bind') return { en: `the host's directory ${name}${at}`, zh: `宿主机目录 ${name}${at}` };
  return below === ''
    ? { en: `volume ${name}`, zh: `卷 ${name}` }
    : { en: `${printable(below)} in volume ${name}`, zh: `卷 ${name} 中的 ${printable(below)}` };
}

/**
 * Where a server keeps its files, by what both official images go by: a `--dir` of Redis' command line, PostgreSQL's PGDATA, else the
 * working directory.
 */
export function dataDirectoryOf(told: {
  readonly command: readonly string[];
  readonly pgdata: string | undefined;
  readonly workingDir: string | undefined;
}): string {
  const at = told.command.lastIndexOf('--dir');
  return (at >= 0 && told.command[at + 1]) || told.pgdata || told.workingDir || '/';
}
