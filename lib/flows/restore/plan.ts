import { printable } from '../../core/text.ts';
import type { PlannedStep } from '../../runs/steps/steps.ts';
import type { Facts } from './facts.ts';

/** Restoring and comparing on this disk, against the trial in memory when the backup was taken. */
const SLOWER = 2;
const BYTES_PER_SECOND = 20_000_000;

/** The steps of a restore, in the order in which `scripts/restore-prod.ts` does them. */
export function plannedSteps(facts: Facts): PlannedStep[] {
  const { incoming, database, app } = facts;
  const name = printable(database.name);
  const container = app?.id.slice(0, 12) ?? '';
  const from = incoming.kind === 'kept' ? printable(incoming.database) : `${name}_restoring_<time>`;
  const steps: (PlannedStep | false)[] = [
    incoming.kind === 'backup' && {
      id: 'restore',
      title: { en: 'Restore the backup beside what is in use, and compare it', zh: '将备份恢复到旁路数据库并逐项比对' },
      risk: 'none',
      commands: [
        {
          en: `CREATE DATABASE ${from}; pg_restore; compare every table; ANALYZE`,
          zh: `CREATE DATABASE ${from}; pg_restore; 逐表比对; ANALYZE`,
        },
      ],
      wayBack: { en: 'it is dropped', zh: '删除旁路数据库' },
      seconds: restoreSeconds(incoming.stored.manifest),
    },
    app?.state === 'running' && {
      id: 'pause',
      title: { en: 'Pause the application: its requests wait', zh: '暂停应用, 期间请求等待' },
      risk: 'interrupts',
      commands: [`docker pause ${container}`],
      wayBack: {
        en: 'it goes on; also by itself, should this run be killed',
        zh: '恢复运行; 即使本次运行被强制终止也会自动恢复',
      },
    },
    {
      id: 'swap',
      title: { en: 'Swap the names, in one transaction', zh: '在同一事务中交换数据库名称' },
      risk: 'changes',
      commands: [
        {
          en: 'pg_terminate_backend: the sessions of these two databases, of no other',
          zh: 'pg_terminate_backend: 仅终止这两个数据库的会话',
        },
        `BEGIN; ALTER DATABASE ${name} RENAME TO ${name}_before_<time>; ALTER DATABASE ${from} RENAME TO ${name}; COMMIT`,
      ],
      wayBack: { en: 'the names are swapped back', zh: '再次交换名称' },
      seconds: 1,
    },
    app?.state === 'running' && {
      id: 'resume',
      title: { en: 'Let the application go on', zh: '恢复应用运行' },
      risk: 'none',
      commands: [`docker unpause ${container}`],
    },
    {
      id: 'prove',
      title: { en: 'Prove it', zh: '逐项验证' },
      risk: 'none',
      commands: [
        { en: 'alembic revision of the backup; both health checks', zh: '备份对应的 alembic 版本; 两项健康检查' },
      ],
    },
  ];
  return steps.filter((s): s is PlannedStep => s !== false);
}

/** From how long it took to restore it on trial, if it was. */
function restoreSeconds(manifest: {
  verification: { level: string; milliseconds: number };
  databaseBytes: number;
}): number {
  const { level, milliseconds } = manifest.verification;
  const guess =
    level === 'restored' ? (milliseconds / 1000) * SLOWER : (manifest.databaseBytes / BYTES_PER_SECOND) * SLOWER;
  return Math.max(1, Math.round(guess));
}
