import type { Invocation } from '../../core/journal.ts';
import { refuse } from '../../core/refusal.ts';
import { asTyped } from '../../core/run.ts';
import { entriesOf, type Run } from '../../domain/ledger/runs.ts';

/**
 * The same script with the same meaning: it looks at the world, and does what is missing. What its options stood for (the commit behind a
 * branch's name, the newest backup) is what they stood for then; its words (the release before, the newest backup) likewise.
 */
export function finishOf(run: Run): Invocation {
  const args = entriesOf(run, 'run-start')[0]?.args ?? [];
  const also = entriesOf(run, 'plan').at(-1)?.also ?? [];
  const stand = new Set(also.map(option));
  return { script: run.script, args: [...args.filter((arg) => !stand.has(option(arg))), ...also] };
}

/** A word has none. */
const option = (arg: string): string => (arg.startsWith('-') ? (arg.split('=')[0] ?? '') : '');

/** The way back that the run wrote down, if there is one: the last counts. */
export function backOf(run: Run): Invocation | undefined {
  const later = entriesOf(run, 'way-back').at(-1);
  return later ? { script: later.script, args: later.args } : entriesOf(run, 'plan').at(-1)?.back;
}

/** @throws {OpsError} `precondition` when the run wrote none down. */
export function requireBack(run: Run): Invocation {
  const back = backOf(run);
  if (back) return back;
  throw refuse(
    { en: `${run.name} wrote down no way back.`, zh: `${run.name} 没有记录回退方式.` },
    {
      en: `Finish it (it checks the current state first): ${typed({ script: 'runs', args: ['resume', run.name] })}`,
      zh: `请先完成该运行(会先检查实际状态): ${typed({ script: 'runs', args: ['resume', run.name] })}`,
    },
  );
}

/** As a person would type it in this tool's directory. Where a script of one's own lies, its journal does not say. */
export const typed = ({ script, args }: Invocation): string => {
  const file = script.startsWith('adhoc.') ? `<${script.slice('adhoc.'.length)}>` : `scripts/${script}.ts`;
  return asTyped(['npx', 'tsx', file, ...args]);
};
