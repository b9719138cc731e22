import { OpsError, whatHappened } from '../../core/errors.ts';
import { refuse } from '../../core/refusal.ts';
import { printable, type Text } from '../../core/text.ts';
import { identifier } from '../../tools/postgres/psql.ts';
import { restoreAdvice } from '../../tools/postgres/server-errors.ts';

export const refuseToRestore = (why: Text): OpsError =>
  refuse({
    en: `This backup can't be restored here. ${printable(why.en)}`,
    zh: `无法在此恢复该备份. ${printable(why.zh)}`,
  });

export const noTablespaces = (names: readonly string[]): Text => {
  const list = printable(names.join(', '));
  return {
    en: `This server has no tablespace ${list}: what was in it goes to the default one.`,
    zh: `当前 PostgreSQL 没有表空间 ${list}: 其中的对象将恢复到默认表空间.`,
  };
};

/** @param dropped whether the half-restored database could be removed again. */
export function notRestored(name: string, incoming: string, dropped: boolean, error: unknown): unknown {
  if (!(error instanceof OpsError)) return error;
  const { en, zh } = whatHappened(error);
  const untouched: Text = {
    en: `Database ${printable(name)} was not touched.`,
    zh: `数据库 ${printable(name)} 未被改动.`,
  };
  const drop = `DROP DATABASE IF EXISTS ${printable(identifier(incoming))} WITH (FORCE);`;
  return new OpsError({
    kind: error.kind,
    exitCode: error.exitCode,
    what: { en: `The backup could not be restored: ${en}`, zh: `恢复备份失败: ${zh}` },
    state: dropped
      ? {
          en: `${untouched.en} What had been restored beside it was removed.`,
          zh: `${untouched.zh} 新库中已恢复的部分已删除.`,
        }
      : {
          en: `${untouched.en} The incomplete ${printable(incoming)} beside it could not be removed.`,
          zh: `${untouched.zh} 恢复到一半的数据库 ${printable(incoming)} 未能删除.`,
        },
    next: [
      ...restoreAdvice(error),
      ...error.next,
      ...(dropped ? [] : [{ en: `Remove it in psql: ${drop}`, zh: `在 psql 中将其删除: ${drop}` }]),
    ],
    cause: error,
  });
}

/** @param swapped undefined when the server could not be asked any more. */
export function notSwapped(
  names: { readonly name: string; readonly incoming: string; readonly before: string },
  swapped: boolean | undefined,
  error: unknown,
): unknown {
  if (!(error instanceof OpsError)) return error;
  const [now, beside, old] = [names.name, names.incoming, names.before].map((n) => printable(identifier(n)));
  const finish = `BEGIN; ALTER DATABASE ${now} RENAME TO ${old}; ALTER DATABASE ${beside} RENAME TO ${now}; COMMIT;`;
  return new OpsError({
    kind: swapped === undefined ? 'needs-person' : error.kind,
    what: {
      en: `The backup is restored and checked, but the databases could not be renamed: ${error.what.en}`,
      zh: `备份已恢复并通过校验, 但数据库重命名失败: ${error.what.zh}`,
    },
    state:
      swapped === undefined
        ? {
            en: `The server does not answer, so it is not known whether ${now} is the restored database already. It is, if there is no ${beside}.`,
            zh: `PostgreSQL 无响应, 无法确定 ${now} 是否已是恢复后的数据库. 若 ${beside} 不存在, 则已切换完成.`,
          }
        : {
            en: `${now} is still the old database, unchanged; the restored one is ready as ${beside}.`,
            zh: `${now} 仍是原数据库, 未被改动; 恢复好的数据库为 ${beside}.`,
          },
    next: [
      {
        en: `To finish by hand, in psql on database postgres, with nobody connected: ${finish}`,
        zh: `手动完成: 断开所有连接后, 在 psql 中连接 postgres 库执行: ${finish}`,
      },
    ],
    cause: error,
  });
}
