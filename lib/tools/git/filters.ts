import { refuse } from '../../core/refusal.ts';
import type { RunOps } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { localSettings } from './settings.ts';

/**
 * Options that switch off the content filters which the repository's own configuration defines: whoever can write that would
 * choose the programs we run. Those of the person's or the machine's configuration stay: they were installed on purpose (`git lfs
 * install`), and without them git would compare, and check out, pointers instead of content.
 *
 * @throws {OpsError} `precondition` for a filter whose name can't be written as an option.
 */
export async function withoutLocalFilters(ops: RunOps, dir: string): Promise<readonly string[]> {
  const settings = await localSettings(ops, dir, '^filter\\.');
  const names = new Set(settings.map(({ name }) => name.replace(/\.[^.]*$/, '')));
  for (const name of names) if (name.includes('=')) throw unspeakable(name); // -c would take it for `filter.a` = …
  return [...names].flatMap((name) =>
    ['clean=', 'smudge=', 'process=', 'required=false'].flatMap((setting) => ['-c', `${name}.${setting}`]),
  );
}

const unspeakable = (name: string) =>
  refuse(
    {
      en: `The repository's own configuration defines a filter that can't be disabled: ${printable(name)}`,
      zh: `仓库自身的配置定义了一个无法停用的过滤器: ${printable(name)}`,
    },
    {
      en: 'Remove the section from .git/config (git config --local --edit).',
      zh: '请从 .git/config 中删除该段 (git config --local --edit).',
    },
  );
