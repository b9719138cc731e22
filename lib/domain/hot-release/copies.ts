import type { Target } from '../../core/target.ts';
import type { Inventory } from '../app/inventory.ts';
import type { Copy } from './facts.ts';

/** What the image's build copies from the repository to other places. */
export const copyRules = ({ release }: Target): readonly Copy[] => [
  ...release.copies,
  { from: release.site.from, to: release.site.template },
];

/**
 * Those copies that the new release changes. A file that the container does not have is left out: its image was built in another way.
 *
 * @param there what lies at the rules' places.
 */
export function findCopies(target: Target, tree: Inventory, there: Inventory): Copy[] {
  const pairs = copyRules(target).flatMap(({ from, to }) =>
    from.endsWith('/')
      ? [...tree.keys()].filter((f) => f.startsWith(from)).map((f) => ({ from: f, to: to + f.slice(from.length) }))
      : tree.has(from)
        ? [{ from, to }]
        : [],
  );
  return pairs.filter(({ from, to }) => there.has(to) && there.get(to)?.blob !== tree.get(from)?.blob);
}
