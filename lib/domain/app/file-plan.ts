import { ancestors } from '../../tools/git/collisions.ts';
import { type FileEntry, type Inventory, isContentOf } from './inventory.ts';

/** What turns the files in the container into a release. */
export interface FilePlan {
  /** Paths below the root whose content or mode will be another, or that are new. */
  readonly put: readonly string[];
  /** Paths that git had in the former release and has no more. */
  readonly remove: readonly string[];
  /** Of these, those that somebody had changed in the container: what is there is not what git had. */
  readonly handEdited: readonly string[];
  /** Not from git and in the way: a file where the release has a directory, or the other way round. */
  readonly inTheWay: readonly string[];
}

/**
 * Compares what is in the container with what the release has. What never came from git stays.
 *
 * @param former the tree of the release that is there; `undefined` when it is not known: then nothing is removed.
 */
export function planFiles(before: Inventory, after: Inventory, former: Inventory | undefined): FilePlan {
  const put = [...after].filter(([path, entry]) => !same(before.get(path), entry)).map(([path]) => path);
  const remove = [...before.keys()].filter((path) => former?.has(path) && !after.has(path));
  const gone = new Set(remove);
  const stays = [...before.keys()].filter((path) => !after.has(path) && !gone.has(path));
  const directories = new Set([...after.keys()].flatMap(ancestors));
  return {
    put,
    remove,
    handEdited: [...put, ...remove].filter((path) => {
      const [there, had] = [before.get(path), former?.get(path)];
      return there !== undefined && had !== undefined && (there.mode !== had.mode || !isContentOf(there, had));
    }),
    inTheWay: stays.filter((path) => directories.has(path) || ancestors(path).some((p) => after.has(p))),
  };
}

/** The paths in which two inventories differ. */
export function differences(a: Inventory, b: Inventory): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((path) => !same(a.get(path), b.get(path)));
}

const same = (a: FileEntry | undefined, b: FileEntry | undefined) => a?.blob === b?.blob && a?.mode === b?.mode;
