import type { Ops } from '../../core/ops.ts';
import { printable, type Text } from '../../core/text.ts';
import { clusterNow } from '../../domain/backup/roles.ts';
import { DISARM_ROLES } from '../../tools/postgres/globals.ts';
import { type Database, execute } from '../../tools/postgres/psql.ts';

/**
 * In a cluster that an earlier attempt or a way back left, nobody keeps a login or a right of then: the final dump says who has which.
 *
 * @throws {CommandError}
 */
export async function disarmRoles(ops: Ops, present: Database, server: Database): Promise<void> {
  await execute(ops, server, DISARM_ROLES);
  const [then, now] = await Promise.all([clusterNow(ops, server), clusterNow(ops, present)]);
  const gone = then.roles
    .map((role) => role.name)
    .filter((name) => !name.startsWith('pg_') && !now.roles.some((role) => role.name === name));
  if (gone.length > 0) ops.screen.show({ event: 'warning', text: noLongerRoles(server.volume.name, gone) });
}

/** Of an earlier attempt's cluster; roles may own what is kept in it. */
const noLongerRoles = (volume: string, roles: readonly string[]): Text => {
  const list = printable(roles.join(', '));
  return {
    en: `Volume ${printable(volume)} was used before, and has roles that do not exist any more: ${list}. They stay, without login, password or rights.`,
    zh: `卷 ${printable(volume)} 此前使用过, 其中有现已删除的角色: ${list}. 它们会保留, 但不能登录, 也没有密码与权限.`,
  };
};
