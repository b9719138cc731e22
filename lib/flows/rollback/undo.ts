import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import type { OutsideView } from '../../domain/replacement/downtime.ts';
import * as rebuild from '../../domain/replacement/undo.ts';
import * as restore from '../../domain/restoration/advice.ts';
import type { ImageWay } from './image-facts.ts';
import { databaseId } from './image-survey.ts';

/**
 * Proves after undoing that code and data are those from before.
 *
 * @throws {OpsError} when they are not.
 */
export async function proveAsBefore(ops: Ops, way: ImageWay, outside: OutsideView): Promise<Text> {
  const code = await rebuild.proveAsBefore(ops, way.facts, way.aside, outside);
  if (way.data === undefined) return code;
  const name = way.database.name;
  if ((await databaseId(ops, way.database)) !== way.oid) {
    throw new OpsError({
      kind: 'command',
      what: { en: `database ${name} is not the one from before`, zh: `数据库 ${name} 不是原来的库` },
    });
  }
  return {
    en: `${code.en}. Database ${name} is the one from before`,
    zh: `${code.zh}. 数据库 ${name} 仍是原来的库`,
  };
}

/** Exact commands for a person. */
export const advice = (ops: Ops, { facts, aside, data, restored }: ImageWay): Text[] => [
  ...(data ? restore.advice(ops, data, restored.beside) : []),
  ...rebuild.advice(ops, facts, aside),
];
