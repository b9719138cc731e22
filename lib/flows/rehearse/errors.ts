import { OpsError, whatHappened } from '../../core/errors.ts';
import { failed } from '../../core/refusal.ts';
import { printable, same, type Text } from '../../core/text.ts';

// A drill that fails has done its work: each says what would go wrong in a disaster, and what to do before there is one.

function drillFailed(error: unknown, what: Text, next: readonly Text[]): unknown {
  if (!(error instanceof OpsError) || error.kind === 'interrupted') return error;
  const why = whatHappened(error);
  return new OpsError({
    kind: 'failed',
    what: { en: `${what.en}: ${why.en}`, zh: `${what.zh}: ${why.zh}` },
    next,
    cause: error,
  });
}

export const backupFailed = (error: unknown): unknown =>
  drillFailed(error, { en: 'This backup would not have helped', zh: '该备份无法用于恢复' }, [
    {
      en: 'Take a new backup now, and rehearse it: npx tsx scripts/backup-prod.ts create && npx tsx scripts/rehearse.ts',
      zh: '请立即创建新备份并重新演练: npx tsx scripts/backup-prod.ts create && npx tsx scripts/rehearse.ts',
    },
  ]);

/** Nothing is wrong with any migration: the commit was made before the backup's schema. */
export const olderThanSchema = (revision: string, head: string) =>
  failed(
    {
      en: `This commit is older than the schema of the backup: its migrations end at ${head} and do not know ${printable(revision)}.`,
      zh: `该提交比备份的数据库结构更旧: 其迁移链止于 ${head}, 不认识 ${printable(revision)}.`,
    },
    {
      en: 'Rehearse the commit that wrote the backup, or a newer one: --ref REF. Or an older backup: npx tsx scripts/backup-prod.ts list',
      zh: '请用写入该备份的提交或更新的提交演练: --ref REF; 或选择更早的备份: npx tsx scripts/backup-prod.ts list',
    },
  );

export const migrationFailed = (error: unknown): unknown =>
  drillFailed(error, { en: 'The migrations fail on the restored data', zh: '在恢复的数据上执行迁移失败' }, [
    {
      en: 'A deployment of this commit would fail in the same way: correct the migration in the repository.',
      zh: '用该提交部署也会同样失败: 请在代码仓库中修正该迁移.',
    },
  ]);

export const appFailed = (error: unknown, itsWords: string): unknown => {
  const what: Text = {
    en: 'The application does not become healthy on the restored data',
    zh: '应用在恢复的数据上无法达到健康状态',
  };
  const words = itsWords.trim();
  const next = error instanceof OpsError ? error.next : [];
  return drillFailed(error, what, [
    ...next,
    ...(words === '' ? [] : [{ en: `Its last log lines:\n${words}`, zh: `应用最近的日志:\n${words}` }]),
    { en: 'Rehearse another commit: --ref REF', zh: '可用 --ref 演练其他版本.' },
  ]);
};

/** @param remains `container <id>` and the like. */
export const leftBehind = (remains: readonly string[]) =>
  new OpsError({
    kind: 'needs-person',
    what: {
      en: `The drill left something behind: ${remains.join(', ')}`,
      zh: `演练资源未能清除: ${remains.join(', ')}`,
    },
    state: { en: 'Production was not touched.', zh: '生产环境未受影响.' },
    next: remains.map((r) => {
      const command = `docker ${r.replace(/^container /, 'rm -f -v ').replace(/^(network|image) /, '$1 rm ')}`;
      return same(command);
    }),
  });
