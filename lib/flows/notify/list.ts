import type { Ops } from '../../core/ops.ts';
import { same, type Text } from '../../core/text.ts';
import { addressesOf, addressOf } from '../../domain/alerts/addresses.ts';
import { readDelivery } from '../../domain/alerts/deliveries.ts';
import { requireSome } from './channels.ts';

/** Shows who is told of what, whether the address is there, and what came of the last attempt. Sends nothing. */
export function list(ops: Ops): Text {
  const { channels, watch } = ops.target.notify;
  requireSome(ops);
  const pings = Object.entries(watch).flatMap(([name, watched]) =>
    watched?.ping
      ? [{ name: `ping.${name}`, kind: 'ping', when: WHEN.ping, address: addressOf(ops, watched.ping) }]
      : [],
  );
  const told = channels.map((c) => ({ name: c.name, kind: c.kind, when: WHEN[c.when], address: addressesOf(ops, c) }));
  const rows = [...told, ...pings].map(({ name, kind, when, address }) => {
    const missing = 'missing' in address ? address.missing : undefined;
    const last = readDelivery(ops.paths, name);
    const came = last === undefined ? NEVER : (last.failure ?? { en: `reached ${last.at}`, zh: `${last.at} 已送达` });
    return {
      cells: [same(name), same(kind), when, missing ?? came],
      item: { name, kind, ready: !missing, last: last ?? null },
    };
  });
  ops.screen.show({
    event: 'list',
    id: 'channels',
    columns: [
      { en: 'name', zh: '名称' },
      { en: 'kind', zh: '类型' },
      { en: 'events', zh: '通知范围' },
      { en: 'last', zh: '最近一次' },
    ],
    rows: rows.map((r) => r.cells),
    items: rows.map((r) => r.item),
  });
  return { en: `${rows.length} channels`, zh: `共 ${rows.length} 个通知对象` };
}

const WHEN: Readonly<Record<'problems' | 'every-run' | 'ping', Text>> = {
  problems: { en: 'failures, recoveries', zh: '失败与恢复' },
  'every-run': { en: 'every run', zh: '每次运行' },
  ping: { en: 'start, success, failure', zh: '开始、成功、失败' },
};
const NEVER: Text = { en: 'not yet', zh: '尚无' };
