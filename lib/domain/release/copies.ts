import type { Target } from '../../core/target.ts';
import { type FilePlan, planFiles } from '../app/file-plan.ts';
import type { Inventory } from '../app/inventory.ts';

/** A file of the repository, and where the image's build puts it as well: absolute. Directories end with a slash. */
export interface Copy {
  readonly from: string;
  readonly to: string;
}

/** What the image's build copies from the repository to other places. */
export const copyRules = ({ release }: Pick<Target, 'release'>): readonly Copy[] => [
  ...release.copies,
  { from: release.site.from, to: release.site.template },
];

/** All copies that the image's build makes of a release, file by file. */
const copiesOf = (target: Target, tree: Inventory): readonly Copy[] =>
  copyRules(target).flatMap(({ from, to }) =>
    from.endsWith('/')
      ? [...tree.keys()].filter((f) => f.startsWith(from)).map((f) => ({ from: f, to: to + f.slice(from.length) }))
      : tree.has(from)
        ? [{ from, to }]
        : [],
  );

/**
 * Those copies that the new release changes. A file that the container does not have is left out: its image was built in another way.
 *
 * @param there what lies at the rules' places.
 */
export const findCopies = (target: Target, tree: Inventory, there: Inventory): Copy[] =>
  copiesOf(target, tree).filter(({ from, to }) => there.has(to) && there.get(to)?.blob !== tree.get(from)?.blob);

/**
 * Where copies lie below the application's root, relative to it. Whatever the repository itself has there, the image's build replaces.
 *
 * @param files what lies below the root; a copy that is not there is left out, as in {@link findCopies}.
 */
export function copiedOver({ target, tree, files }: InPlace): ReadonlySet<string> {
  const root = `${target.app.root}/`;
  const below = copiesOf(target, tree).flatMap(({ to }) => (to.startsWith(root) ? [to.slice(root.length)] : []));
  return new Set(below.filter((path) => files.has(path)));
}

interface InPlace {
  readonly target: Target;
  /** The release. */
  readonly tree: Inventory;
  /** What is in the container. */
  readonly files: Inventory;
}

/** @see planFiles; but what copies bring is no matter of files. */
export function planRelease({ target, tree, files }: InPlace, former: Inventory | undefined): FilePlan {
  const over = copiedOver({ target, tree, files });
  const own = (all: Inventory) => new Map([...all].filter(([path]) => !over.has(path)));
  return planFiles(own(files), own(tree), former);
}
