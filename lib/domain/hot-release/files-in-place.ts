import type { Target } from '../../core/target.ts';
import { printable, type Text } from '../../core/text.ts';
import { differences } from '../app/file-plan.ts';
import type { Inventory } from '../app/inventory.ts';
import { copiedOver } from '../release/copies.ts';
import type { Facts } from './facts.ts';

/** What was there, with what the release changes. Files that are not from git stay as they were. */
export function expectedFiles(target: Target, facts: Facts): Inventory {
  const { files } = facts.running;
  const expected = new Map(files);
  for (const file of facts.files.remove) expected.delete(file);
  const over = copiedOver({ target, tree: facts.tree, files });
  for (const [file, entry] of facts.tree) if (!over.has(file)) expected.set(file, entry);
  const { root } = target.app;
  for (const { from, to } of facts.copies) {
    const entry = facts.tree.get(from);
    if (entry && to.startsWith(`${root}/`)) expected.set(to.slice(root.length + 1), entry);
  }
  return expected;
}

/** How files of the container differ from what they should be. */
export interface Deviation {
  /** Paths that git had or has, or that the image's build copies to. */
  readonly wrong: readonly string[];
  /** Others: the application writes some of them, people put some there, at any time. */
  readonly besides: readonly Text[];
}

/** Compares what lies below the application's root with what should. Pure. */
export function deviation(target: Target, facts: Facts, files: Inventory, expected: Inventory): Deviation {
  const over = copiedOver({ target, tree: facts.tree, files: facts.running.files });
  const isOurs = (path: string) => facts.tree.has(path) || facts.former?.has(path) === true || over.has(path);
  const differ = differences(files, expected);
  const foreign = differ.filter((path) => !isOurs(path));
  return { wrong: differ.filter(isOurs), besides: foreign.length > 0 ? [changedMeanwhile(foreign)] : [] };
}

function changedMeanwhile(paths: readonly string[]): Text {
  const some = paths.slice(0, 5).map(printable).join(', ');
  const more = paths.length > 5 ? ', …' : '';
  return {
    en: `${paths.length} files that are not from git appeared, changed or went meanwhile, by no doing of this run: ${some}${more}`,
    zh: `期间有 ${paths.length} 个不是来自 git 的文件出现、改变或消失, 并非本次运行所为: ${some}${more}`,
  };
}
