import type { Ops } from '../../core/ops.ts';
import type { Reason } from '../../core/refusal.ts';
import { printable, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { movedSince } from '../ledger/moved-data.ts';
import { eachRun, isLeft, type Run } from '../ledger/runs.ts';
import { notedByUnfinished } from '../ledger/unfinished-runs.ts';
import { type Containers, standbyRun } from '../stack/containers.ts';
import type { Facts, Moved, Stopped } from '../stack/deployment.ts';
import type { ServiceRole } from '../stack/stack.ts';

type Looked = Pick<Container, 'id' | 'name' | 'state' | 'startedAt' | 'lastedMs'>;

/** It is up, or will be once more without anybody's doing. */
const runs = ({ state }: Pick<Container, 'state'>): boolean => state === 'running' || state === 'restarting';

/** To be written before the stop: by it the next run knows that it was no person's doing. */
export function noteStop(ops: Pick<Ops, 'journal'>, container: Looked): void {
  if (runs(container)) ops.journal.write({ event: 'note', key: 'stopped', value: container.id });
}

/** The run that stopped it and was killed: nobody else meant it to be down, unless somebody left that run so; and what has become of its data since. */
export function stoppedBy(ops: Pick<Ops, 'paths'>, container: Looked): Stopped | undefined {
  const run = takenDownBy(ops, container);
  const left = run === undefined ? undefined : runOf(ops, run);
  return run === undefined || (left && isLeft(left)) ? undefined : { run, moved: movedSince(ops.paths, run) };
}

/** The beginning of that run's name, also of one that was left: what it took from the container it still has. */
export function takenDownBy(ops: Pick<Ops, 'paths'>, container: Looked): string | undefined {
  const stamp = standbyRun(container);
  const run = stamp === undefined ? undefined : runOf(ops, stamp);
  // One that had ended before is put aside like any other.
  if (container.state !== 'exited' || (stamp !== undefined && !(run && endedBefore(container, run)))) return stamp;
  // Started since, it was stopped by somebody else.
  const isIt = ({ value, at }: { readonly value?: unknown; readonly at: string }) =>
    value === container.id && Date.parse(container.startedAt) <= Date.parse(at);
  return notedByUnfinished(ops.paths, 'stopped', { fits: isIt })?.run.name.slice(0, 16);
}

/** The run that has this beginning of its name. */
export const runOf = ({ paths }: Pick<Ops, 'paths'>, stamp: string): Run | undefined =>
  eachRun(paths, (name) => name.startsWith(`${stamp}-`)).next().value ?? undefined;

const endedBefore = ({ startedAt, lastedMs }: Looked, { started }: Run): boolean =>
  started !== undefined && Date.parse(startedAt) + lastedMs < Date.parse(started);

/** The same of all that there are. */
export const stoppedOf = (ops: Pick<Ops, 'paths'>, containers: Containers): NonNullable<Facts['stopped']> =>
  Object.fromEntries(
    Object.entries(containers).flatMap(([role, c]) => {
      const stopped = runs(c) ? undefined : stoppedBy(ops, c);
      return stopped ? [[role, stopped]] : [];
    }),
  );

/** It runs, or did until a run that was killed stopped it; and may again: an application not on data that was moved under it. */
export const isToRun = (role: ServiceRole, container: Looked, stopped: Stopped | undefined): boolean =>
  runs(container) || (stopped !== undefined && !(role === 'app' && stopped.moved));

/** Why the application that a killed run had stopped stays so, and what leads on. */
export function staysStopped(app: Pick<Container, 'id'>, { run, what, backup }: Moved): Reason {
  const did = DID[what];
  const back = backup !== undefined && what !== 'swap' ? orBack(app, backup) : { en: '', zh: '' };
  return {
    text: {
      en: `The application is stopped, and its code must not start on the data as it is: run ${printable(run)} had begun to ${did.en}, and did not end.`,
      zh: `应用已停止, 且其代码不能在当前数据上启动: 运行 ${printable(run)} 已开始${did.zh}, 未正常结束.`,
    },
    fix: {
      en: `Finish that run: npx tsx scripts/runs.ts resume ${printable(run)}   A full rebuild of a good commit does it as well.${back.en}`,
      zh: `请完成该运行: npx tsx scripts/runs.ts resume ${printable(run)}   也可对正常的提交执行全量重建.${back.zh}`,
    },
  };
}

const DID: Readonly<Record<Moved['what'], Text>> = {
  migrating: { en: 'migrate the database', zh: '迁移数据库' },
  swap: { en: 'put another database in its place', zh: '换用另一个数据库' },
  removing: { en: 'delete volumes', zh: '删除数据卷' },
};

const orBack = ({ id }: Pick<Container, 'id'>, backup: string): Text => {
  const typed = `npx tsx scripts/restore-prod.ts ${printable(backup)} && docker start ${id.slice(0, 12)}`;
  return {
    en: ` Or back to its backup, while PostgreSQL runs: ${typed}`,
    zh: ` 或在 PostgreSQL 运行时恢复到其备份: ${typed}`,
  };
};
