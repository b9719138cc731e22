import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { same, type Text } from '../../core/text.ts';
import { newestRuns, type Run } from '../../domain/ledger/runs.ts';
import { unwritable } from '../../runs/command-line/deploy-dir.ts';
import { writeIndex, writeReport } from '../../runs/report/write.ts';

/** Writes a run's report anew, from what it wrote down. @throws {OpsError} `precondition` when its directory can't be written. */
export async function report(ops: Ops, { name }: Run): Promise<Text> {
  return written(ops, () => writeReport(ops.paths, name, ops.screen.language));
}

/** Writes the list of runs as a page, with links to their reports; those of an older version get one. @throws {OpsError} `precondition` */
export async function listAsPage(ops: Ops, limit: number): Promise<Text> {
  return written(ops, async () => {
    const runs = newestRuns(ops.paths, limit);
    for (const { name } of runs) await writeReport(ops.paths, name, ops.screen.language);
    return writeIndex(ops.paths, runs, ops.screen.language);
  });
}

async function written({ screen }: Ops, write: () => Promise<string>): Promise<Text> {
  try {
    const file = await write();
    screen.show({ event: 'ok', text: same(file) });
    return same(file);
  } catch (error) {
    const why = whatHappened(error).en;
    throw unwritable({ en: `The page could not be written: ${why}`, zh: `无法写入页面: ${why}` });
  }
}
