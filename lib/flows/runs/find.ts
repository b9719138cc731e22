import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { eachRun, type Run } from '../../domain/ledger/runs.ts';
import { findUnfinished } from '../../domain/ledger/unfinished-runs.ts';

/**
 * The run that is meant: by its name or the end of it, else the newest, or the newest that is unfinished.
 *
 * @throws {OpsError} `precondition` when there is none.
 */
export function findRun(ops: Ops, named: string | boolean | undefined, otherwise: 'newest' | 'unfinished'): Run {
  if (typeof named !== 'string') {
    const found = otherwise === 'newest' ? eachRun(ops.paths).next().value : findUnfinished(ops.paths);
    if (found) return found;
    throw none(
      otherwise === 'newest'
        ? { en: 'Nothing was run here yet.', zh: '此处尚无运行记录.' }
        : { en: 'There is no unfinished run.', zh: '没有未结束的运行.' },
    );
  }
  for (const run of eachRun(ops.paths, (name) => name.endsWith(named))) return run;
  throw none({ en: `There is no run ${printable(named)}.`, zh: `没有名为 ${printable(named)} 的运行.` });
}

const none = (what: Text) => refuse(what, same('npx tsx scripts/runs.ts list'));
