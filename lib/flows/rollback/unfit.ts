import path from 'node:path';
import { OpsError } from '../../core/errors.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import type { Choice } from './facts.ts';

/** A step that tries the old code on the present database, whose failure says how data could go back too. Whether the data is the reason, only the code's own words can tell. */
export const orUnfit = <T, A extends readonly unknown[]>(choice: Choice, step: Step<T, A>): Step<T, A> => ({
  ...step,
  run: (ops, ...given: A) =>
    step.run(ops, ...given).catch((error: unknown) => {
      throw unfit(choice, error);
    }),
});

/**
 * Turns the failure of old code on the present database into a refusal that says how data could go back too.
 *
 * @returns the error itself when it says nothing about the database: an interruption, a bug.
 */
export function unfit(choice: Choice, error: unknown): unknown {
  if (!(error instanceof OpsError) || error.kind === 'interrupted') return error;
  const short = choice.release.commit.slice(0, 10);
  return new OpsError({
    kind: 'precondition',
    what: {
      en: `${short} was tried beside what serves, on the current database, and did not pass, so its code alone is not put in place.\n${error.what.en}`,
      zh: `${short} 已在当前数据库上试运行, 但未通过, 因此未仅回退代码.\n${error.what.zh}`,
    },
    next: withData(choice),
    cause: error,
  });
}

/** The exact command with data, as far as it is known. */
export function withData({ release, backup }: Choice): Text[] {
  const id = backup === undefined ? '<backup>' : path.basename(backup);
  const command = `npx tsx scripts/rollback-prod.ts ${release.commit.slice(0, 10)} --data ${id}`;
  const lines: Text[] = [
    {
      en: `If the data is what it can't work with: with its data, which loses what was written since (it asks, and shows how much): ${command}`,
      zh: `若因数据不兼容: 可连同数据一起回退 (将丢失此后写入的数据, 执行前会列出并要求确认): ${command}`,
    },
  ];
  if (backup === undefined) {
    lines.push({
      en: 'No backup is recorded with the release after it. Which there are: npx tsx scripts/backup-prod.ts list',
      zh: '其后的版本没有记录备份. 查看现有备份: npx tsx scripts/backup-prod.ts list',
    });
  }
  return lines;
}
