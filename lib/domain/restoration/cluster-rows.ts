import type { Row } from '../../core/screen.ts';
import type { Text } from '../../core/text.ts';
import { noTablespaces } from '../data/restore-errors.ts';
import type { Incoming } from './facts.ts';

/** What of the cluster, which is no part of the database, is not as it was. */
export function clusterRows(incoming: Incoming): Row[] {
  if (incoming.kind === 'kept') return [];
  const { stored, roleDifferences, missingTablespaces } = incoming;
  const rows = roleDifferences.map((line): Row => [{ en: 'role', zh: '角色' }, line]);
  if (missingTablespaces.length > 0)
    rows.push([{ en: 'tablespaces', zh: '表空间' }, noTablespaces(missingTablespaces)]);
  if ((stored.manifest.contents.objects.subscriptions ?? 0) > 0)
    rows.push([{ en: 'subscriptions', zh: '订阅' }, LEFT_OUT]);
  return rows;
}

const LEFT_OUT: Text = {
  en: 'the backup has some; they are not restored: they would fetch from another server',
  zh: '备份中有订阅, 不会恢复: 否则会从其他服务器拉取数据',
};
