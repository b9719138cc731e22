import type { Ops } from '../../core/ops.ts';
import type { Recovery, Step } from '../../core/step.ts';
import { humanBytes, same, seconds, type Text } from '../../core/text.ts';
import { backupPg } from '../../domain/backup/backup.ts';
import type { VerifiedBackup } from '../../domain/backup/proofs.ts';
import { restoreDatabase } from '../../domain/data/restore.ts';
import { discardStale } from '../../tools/docker/helpers.ts';
import { query } from '../../tools/postgres/psql.ts';
import type { Facts, Measured } from './facts.ts';
import { discardServer, startServer } from './server.ts';

/** A backup that was made for the trial, and how long that took. */
export interface Taken {
  readonly backup: VerifiedBackup;
  readonly milliseconds: number;
}

/** The two steps that change nothing: whether it can be done, and what it takes. */
export function beginTrial(facts: Facts) {
  const { database, to } = facts;
  const steps = {
    backup: {
      id: 'backup',
      title: { en: 'Back up the database and prove it by a restore', zh: '备份数据库, 并通过实际恢复验证' },
      risk: 'none',
      commands: [`docker exec ${database.container.name} pg_dump -Fc; pg_dumpall --globals-only`],
      async run(ops) {
        await discardStale(ops);
        const started = ops.clock.monotonic();
        const backup = await backupPg(ops, database, { reason: 'upgrade' });
        return { backup, milliseconds: Math.round(ops.clock.monotonic() - started) };
      },
      evidence: ({ backup }) => same(backup.dir),
    } satisfies Step<Taken>,
    attempt: {
      id: 'try',
      title: {
        en: `Try it: that backup into a server of PostgreSQL ${to.major}, everything compared`,
        zh: `试升级: 将该备份恢复到 PostgreSQL ${to.major} 的临时实例, 并逐项比对`,
      },
      risk: 'none',
      commands: [
        {
          en: `docker run --network none ${to.reference}  # settings, extensions, roles; pg_restore; compare every table and sequence; ANALYZE`,
          zh: `docker run --network none ${to.reference}  # 参数, 扩展, 角色; pg_restore; 逐表逐序列比对; ANALYZE`,
        },
      ],
      run: (ops, taken) => attempt(ops, facts, taken),
      evidence: measuredText,
      undo: (ops) => discardServer(ops, facts, 'trial'),
    } satisfies Step<Measured, [Taken]>,
  };
  const recovery: Recovery = { prove: async () => AS_BEFORE, advice: () => [], proves: [] };
  return { steps, recovery };
}

async function attempt(ops: Ops, facts: Facts, { backup, milliseconds }: Taken): Promise<Measured> {
  const server = await startServer(ops, facts, 'trial');
  const started = ops.clock.monotonic();
  await restoreDatabase(ops, server, backup, { roles: 'moved' });
  const restore = Math.round(ops.clock.monotonic() - started);
  const [bytes = 0] = await query<number>(ops, server, 'SELECT to_jsonb(sum(pg_database_size(oid))) FROM pg_database');
  await discardServer(ops, facts, 'trial');
  return { restore, backup: milliseconds, bytes };
}

export const measuredText = ({ restore, bytes }: Measured): Text => ({
  en: `restored, compared and analysed in ${seconds(restore)}; ${humanBytes(bytes)}`,
  zh: `恢复, 比对并收集统计信息共 ${seconds(restore)}; ${humanBytes(bytes)}`,
});

const AS_BEFORE: Text = { en: 'Only tried: production was not touched by it.', zh: '仅为试运行, 生产环境未受影响.' };
