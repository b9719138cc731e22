import type { Reason } from '../../core/refusal.ts';
import { asTyped } from '../../core/run.ts';
import type { Target } from '../../core/target.ts';
import { printable, same } from '../../core/text.ts';
import type { CollationChange } from '../../domain/stack/deployment.ts';
import { composeTyped } from '../../tools/docker/compose.ts';
import { identifier } from '../../tools/postgres/psql.ts';

/** Said before the image is another one. */
export function willSortOtherwise(target: Target, change: CollationChange): Reason {
  const { name, versions } = wordsOf(change);
  const typed = typedFor(target, change);
  return {
    text: {
      en: `The image of PostgreSQL that is named now sorts text with another library than ${name.en} was built with (${versions}): rows may not be found by their indexes until these are built anew.`,
      zh: `compose 文件指定的 PostgreSQL 镜像更换了文本排序库 (${name.zh}: ${versions}): 重建索引之前, 按索引查询可能找不到数据.`,
    },
    fix: { en: `Directly after it: ${typed}`, zh: `完成后立即执行: ${typed}` },
  };
}

/** Said once it is. */
export function sortsOtherwise(target: Target, change: CollationChange): Reason {
  const { name, versions } = wordsOf(change);
  const typed = typedFor(target, change);
  return {
    text: {
      en: `PostgreSQL sorts text with another library now than ${name.en} was built with (${versions}): rows may not be found by their indexes until these are built anew.`,
      zh: `PostgreSQL 的文本排序库已更换 (${name.zh}: ${versions}): 重建索引之前, 按索引查询可能找不到数据.`,
    },
    fix: { en: `Do it now: ${typed}`, zh: `请立即执行: ${typed}` },
  };
}

function wordsOf({ database, named, from, to }: CollationChange) {
  const versions = `${printable(from)} → ${printable(to ?? '?')}`;
  const of = printable(database);
  if (named === undefined) return { name: same(of), versions };
  const collation = printable(named.collation);
  return { name: { en: `collation ${collation} of ${of}`, zh: `${of} 的排序规则 ${collation}` }, versions };
}

/** A server that can't tell its library's version has none to note. */
function typedFor(target: Target, { database, named, to }: CollationChange): string {
  const refresh = named
    ? `ALTER COLLATION ${named.collation} REFRESH VERSION`
    : `ALTER DATABASE ${identifier(database)} REFRESH COLLATION VERSION`;
  const anew = named
    ? named.indexes.map((index) => `REINDEX INDEX CONCURRENTLY ${index}`)
    : [`REINDEX DATABASE CONCURRENTLY ${identifier(database)}`];
  const commands = [...anew, ...(to === null ? [] : [refresh])]
    .map((sql) => `psql -U "$POSTGRES_USER" -d ${asTyped([database])} -c ${asTyped([sql])}`)
    .join(' && ');
  return printable(`${composeTyped(target, 'exec', target.services.postgres, 'sh', '-c')} ${asTyped([commands])}`);
}
