import { OpsError, whatHappened } from '../../core/errors.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { SUMMARY, section } from '../../core/screen.ts';
import { printable, same, spanText, type Text } from '../../core/text.ts';
import { describeHealth } from '../../domain/app/health.ts';
import { type Drill, recordDrill } from '../../domain/ledger/drills.ts';
import { LOOK_EVERY_MS } from '../../tools/postgres/longest-lock.ts';
import { throughput } from './data-steps.ts';
import { codeText } from './messages.ts';
import type { Rehearsal } from './rehearsal.ts';

/** What is recorded of a drill; `error` of one that failed. */
export function drillOf(ops: Ops, rehearsal: Rehearsal, error?: unknown): Drill {
  const { facts, longestLock, migrated } = rehearsal;
  const { manifest } = facts.backup;
  return {
    version: 1,
    at: new Date(ops.clock.now()).toISOString(),
    run: runName(ops),
    backup: manifest.id,
    commit: facts.code.commit ?? null,
    outcome: error === undefined ? 'recovered' : 'failed',
    failed: error === undefined ? null : { step: rehearsal.step, why: ops.secrets.redact(reason(error)) },
    dataAge: dataAge(rehearsal),
    databaseBytes: manifest.databaseBytes,
    took: {
      recover: rehearsal.recoverMs ?? null,
      restore: rehearsal.restoreMs ?? null,
      migrate: rehearsal.migrateMs ?? null,
      boot: rehearsal.bootMs ?? null,
    },
    migrations: migrated ? [...migrated.applied] : null,
    longestLock: longestLock === undefined || longestLock === 'unknown' ? null : longestLock,
    cpus: facts.limits.cpus,
  };
}

/** Records a drill whose backup could not even be looked at. */
export function recordUnusable(ops: Ops, backup: string, error: unknown): Promise<void> {
  return recordDrill(ops.paths, {
    version: 1,
    at: new Date(ops.clock.now()).toISOString(),
    run: runName(ops),
    backup,
    commit: null,
    outcome: 'failed',
    failed: { step: 'survey', why: ops.secrets.redact(reason(error)) },
    dataAge: null,
    databaseBytes: null,
    took: { recover: null, restore: null, migrate: null, boot: null },
    migrations: null,
    longestLock: null,
    cpus: 1,
  });
}

/** Records the drill and shows what was measured. Returns the verdict. */
export async function conclude(ops: Ops, rehearsal: Rehearsal, gone: Text): Promise<Text> {
  const { facts } = rehearsal;
  await recordDrill(ops.paths, drillOf(ops, rehearsal));
  const { show } = ops.screen;
  const { manifest } = facts.backup;
  const { recoverMs = 0, restoreMs = 0, migrateMs = 0, bootMs = 0, migrated, health } = rehearsal;
  const [recovered, age] = [seconds(recoverMs), spanText(dataAge(rehearsal))];
  const applied = migrated?.applied.length ?? 0;
  const { cpus } = facts.limits;
  section(ops.screen, SUMMARY, 'summary', [
    [
      { en: 'recovered in (RTO)', zh: '恢复用时 (RTO)' },
      {
        en: `${recovered}, from the start to healthy, with at most ${cpus} processors each`,
        zh: `${recovered} (从开始到应用健康, 各容器最多 ${cpus} 核)`,
      },
    ],
    [
      { en: 'data lost (RPO)', zh: '数据损失 (RPO)' },
      { en: `what was written in the last ${age.en}`, zh: `最近 ${age.zh}内写入的数据` },
    ],
    [
      { en: 'restore', zh: '恢复' },
      {
        en: `${seconds(restoreMs)}, ${throughput(manifest.databaseBytes, restoreMs)}/s, checksum and comparison included`,
        zh: `${seconds(restoreMs)}, ${throughput(manifest.databaseBytes, restoreMs)}/s (含校验与比对)`,
      },
    ],
    [
      { en: 'migrations', zh: '迁移' },
      { en: `${applied}, ${seconds(migrateMs)}`, zh: `${applied} 个, ${seconds(migrateMs)}` },
    ],
    [{ en: 'longest lock', zh: '最长锁' }, lockText(rehearsal)],
    [{ en: 'boot', zh: '启动' }, same(seconds(bootMs))],
    [{ en: 'health', zh: '健康检查' }, health ? describeHealth(health) : same('-')],
    [{ en: 'code', zh: '代码' }, codeText(facts)],
    [{ en: 'backup', zh: '备份' }, same(printable(facts.backup.dir))],
    [{ en: 'journal', zh: '运行记录' }, same(ops.paths.run)],
  ]);
  show({ event: 'info', text: gone });
  show({
    event: 'ok',
    text: { en: `Rehearsed and proved: recovered in ${recovered}`, zh: `演练成功并已验证: 恢复用时 ${recovered}` },
  });
  return { en: `recovered in ${recovered}`, zh: `恢复用时 ${recovered}` };
}

function lockText({ longestLock, migrated }: Rehearsal): Text {
  const every = `pg_locks ${LOOK_EVERY_MS} ms`;
  if (longestLock === 'unknown') return { en: 'not measured', zh: '未测量' };
  if (longestLock === undefined) {
    if (migrated?.applied.length === 0) return same('-');
    return { en: `none was seen (${every} apart)`, zh: `未观察到 (${every} 查询一次)` };
  }
  const { table, mode, milliseconds } = longestLock;
  return {
    en: `${milliseconds} ms, ${mode} on ${table} (${every} apart; shorter ones may be missed)`,
    zh: `${milliseconds} ms, ${table} 上的 ${mode} (${every} 查询一次, 更短的锁可能未被观察到)`,
  };
}

const dataAge = ({ facts, startedOn }: Rehearsal): number =>
  Math.max(0, startedOn - Date.parse(facts.backup.manifest.createdAt));

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

/** A sentence of any error, for the record. */
const reason = (error: unknown): string =>
  (error instanceof OpsError ? whatHappened(error).en : String(error)).slice(0, 500);
