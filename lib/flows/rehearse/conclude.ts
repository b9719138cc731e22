import { OpsError, whatHappened } from '../../core/errors.ts';
import { type Ops, runName } from '../../core/ops.ts';
import { SUMMARY, section } from '../../core/screen.ts';
import { humanBytes, printable, same, spanText, type Text } from '../../core/text.ts';
import { describeHealth } from '../../domain/app/health.ts';
import { verificationText } from '../../domain/backup/messages.ts';
import { type Drill, lastDrillText, recordDrill } from '../../domain/ledger/drills.ts';
import { type Steps, showSteps } from '../../runs/steps/steps.ts';
import { LOOK_EVERY_MS } from '../../tools/postgres/longest-lock.ts';
import { throughput } from './data-steps.ts';
import type { Facts, Rehearsal } from './facts.ts';

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

/** What was found and what will be done. */
export function showPlan(ops: Ops, facts: Facts, steps: Steps): void {
  const { show } = ops.screen;
  const { backup, code, limits } = facts;
  const { manifest } = backup;
  const age = spanText(ops.clock.now() - Date.parse(manifest.createdAt));
  const size = humanBytes(manifest.databaseBytes);
  const level = verificationText(manifest.verification);
  section(ops.screen, { en: 'What will be rehearsed', zh: '演练内容' }, 'facts', [
    [{ en: 'backup', zh: '备份' }, same(printable(manifest.id))],
    [
      { en: 'its data', zh: '备份数据' },
      { en: `${age.en} old, ${size}, verified: ${level.en}`, zh: `${age.zh}前, ${size}, ${level.zh}` },
    ],
    [{ en: 'code', zh: '代码' }, codeText(facts)],
    [
      { en: 'may use', zh: '资源上限' },
      {
        en: `${limits.cpus} processors and ${humanBytes(limits.memory)} each for database and application; production comes first`,
        zh: `数据库与应用各 ${limits.cpus} 核, ${humanBytes(limits.memory)}; 生产优先`,
      },
    ],
    [{ en: 'last drill', zh: '上次演练' }, lastDrillText(ops.paths, ops.clock.now())],
  ]);
  if (code.kind === 'build') show({ event: 'info', text: BUILT });
  showSteps(ops.screen, steps);
}

const BUILT: Text = {
  en: 'No image is known to be of this commit, so one is built; the engine sets no limits on a build.',
  zh: '没有该提交的现成镜像, 需要构建; 构建过程不受上述资源上限约束.',
};

/** Commit and where its image comes from. */
export function codeText({ code }: Facts): Text {
  const what = printable(`${code.commit?.slice(0, 10) ?? '?'} ${code.subject}`.trim());
  return code.kind === 'image'
    ? { en: `${what} (the image that runs)`, zh: `${what} (当前运行的镜像)` }
    : { en: `${what} (to be built)`, zh: `${what} (需构建)` };
}
