import type { Ops } from '../../core/ops.ts';
import { given, printable, same, type Text } from '../../core/text.ts';
import type { Beside } from '../data/restore.ts';
import type { Facts } from './facts.ts';

/** Exact commands for a person. @param swapping the names that were being swapped. */
export function advice(ops: Pick<Ops, 'target'>, { app, database }: Facts, swapping: Beside | undefined): Text[] {
  const psql = `docker exec -it ${database.container.id.slice(0, 12)} psql -U ${database.user} -d postgres`;
  return [
    { en: `In ${ops.target.dir}: which databases there are`, zh: `请在 ${ops.target.dir} 中查看现有数据库:` },
    same(`${psql} -l`),
    ...given(swapping, ({ name, before }) => ({
      en: `The former database is ${printable(name)}, or ${printable(before)} if that exists; the restored one is the other.`,
      zh: `若存在 ${printable(before)}, 则它是原数据库, 否则原数据库仍为 ${printable(name)}; 另一个是恢复出的数据库.`,
    })),
    ...given(app, ({ id }) => ({
      en: `If the application's programs stand still (state T): docker exec -u 0 ${id.slice(0, 12)} pkill -CONT -f gunicorn`,
      zh: `若应用各程序仍被冻结 (进程状态 T): docker exec -u 0 ${id.slice(0, 12)} pkill -CONT -f gunicorn`,
    })),
    same(`docker logs --tail 100 ${database.container.id.slice(0, 12)}`),
  ];
}
