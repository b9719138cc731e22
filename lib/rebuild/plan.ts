import { STATE_INSIDE } from '../app/state-inside.ts';
import { NOTHING_CHANGED, OpsError } from '../errors.ts';
import { foreignVolumes } from '../guard/claim.ts';
import type { DestructiveRequest } from '../guard/consent.ts';
import type { PlannedStep } from '../runbook/steps.ts';
import type { ExistingVolume } from '../target/containers.ts';
import type { Target } from '../target/target.ts';
import { humanBytes, printable, same, type Text } from '../text.ts';
import type { Facts } from './facts.ts';
import { plannedSteps } from './planned-steps.ts';
import { databaseText } from './talk.ts';

export type DataChoice = 'keep' | 'delete';

export interface RebuildPlan {
  readonly steps: readonly PlannedStep[];
  readonly data: DataChoice;
  /** The volumes that will be deleted; empty when data is kept. */
  readonly deletes: readonly ExistingVolume[];
  /** A database exists, so there is something to back up. */
  readonly backup: boolean;
  /** Containers run that serve now. */
  readonly interrupts: boolean;
  readonly warnings: readonly { readonly text: Text; readonly fix?: Text }[];
}

export const DELETE_PHRASE = 'DELETE ALL DATA';

/**
 * Every policy of a full rebuild. Pure.
 *
 * @throws {OpsError} `precondition` with all reasons at once when the rebuild must not be done.
 */
export function planRebuild(target: Target, facts: Facts, data: DataChoice): RebuildPlan {
  const refusals = refusalsOf(facts, data);
  if (refusals.length > 0) {
    throw new OpsError({
      kind: 'precondition',
      what: {
        en: refusals.map((r) => r.text.en).join('\n'),
        zh: refusals.map((r) => r.text.zh).join('\n'),
      },
      state: NOTHING_CHANGED,
      next: refusals.map((r) => r.fix),
    });
  }
  const deletes = data === 'delete' ? facts.volumes : [];
  const backup = facts.database.kind !== 'none';
  const interrupts = facts.containers.app !== undefined;
  return {
    steps: plannedSteps(target, facts, { data, deletes, backup }),
    data,
    deletes,
    backup,
    interrupts,
    warnings: warningsOf(target, facts),
  };
}

/** What the consent for a deletion names. */
export function deletionRequest(facts: Facts, plan: RebuildPlan): DestructiveRequest {
  const db = facts.database;
  const database: (readonly [Text, Text])[] =
    db.kind === 'running'
      ? [
          [{ en: 'database size', zh: '数据库大小' }, same(humanBytes(db.bytes))],
          [{ en: 'tables', zh: '表数量' }, same(String(db.tables))],
          ...db.largest.map((t): readonly [Text, Text] => [
            { en: `rows in ${printable(t.name)}`, zh: `${printable(t.name)} 行数` },
            same(`${t.exact ? '' : '≈ '}${t.rows}${t.newest ? `  (${printable(t.newest)})` : ''}`),
          ]),
        ]
      : [[{ en: 'database', zh: '数据库' }, databaseText(db)]];
  return {
    title: {
      en: `ALL DATA of compose project ${facts.stack.project} will be deleted:`,
      zh: `compose 项目 ${facts.stack.project} 的全部数据将被删除:`,
    },
    phrase: DELETE_PHRASE,
    volumes: plan.deletes,
    losses: database,
  };
}

interface Reason {
  readonly text: Text;
  readonly fix: Text;
}

function refusalsOf(facts: Facts, data: DataChoice): Reason[] {
  const reasons: Reason[] = foreignVolumes(facts.stack, facts.volumes);
  for (const v of facts.volumes) {
    if (data === 'delete' && v.external) {
      reasons.push({
        text: {
          en: `Volume ${v.name} is declared external; this script does not delete it.`,
          zh: `卷 ${v.name} 声明为 external, 本脚本不会删除它.`,
        },
        fix: { en: 'Use --data keep.', zh: '请使用 --data keep.' },
      });
    }
    if (data === 'delete' && v.usedByOthers.length > 0) {
      const users = v.usedByOthers.map(printable).join(', ');
      reasons.push({
        text: { en: `Volume ${v.name} is also mounted by ${users}.`, zh: `卷 ${v.name} 同时被 ${users} 挂载.` },
        fix: { en: 'Remove those containers first, or use --data keep.', zh: '请先移除这些容器, 或使用 --data keep.' },
      });
    }
  }
  for (const p of facts.takenPorts) {
    reasons.push({
      text: {
        en: `Port ${p.hostIp}:${p.published} is taken by something that is not part of this stack.`,
        zh: `端口 ${p.hostIp}:${p.published} 已被本服务之外的程序占用.`,
      },
      fix: {
        en: `Find it with: ss -ltnp 'sport = :${p.published}'`,
        zh: `查找占用者: ss -ltnp 'sport = :${p.published}'`,
      },
    });
  }
  return reasons;
}

function warningsOf(target: Target, facts: Facts): { text: Text; fix?: Text }[] {
  const warnings: { text: Text; fix?: Text }[] = [];
  const changed = facts.checkout.changed.map((line) => line.slice(3));
  const leftOut = changed.filter((file) => file !== target.composeFile);
  if (leftOut.length > 0) {
    const some = `${leftOut.slice(0, 5).map(printable).join(', ')}${leftOut.length > 5 ? ', …' : ''}`;
    warnings.push({
      text: {
        en: `The image is built from the commit. What was changed here is not in it: ${some}`,
        zh: `镜像按提交内容构建, 不包含本地修改: ${some}`,
      },
      fix: {
        en: 'To release it, commit and push it. A directory that is built on this machine is declared in release.artefacts.',
        zh: '如需发布, 请先提交并推送. 在本机生成的目录请在 release.artefacts 中声明.',
      },
    });
  }
  if (leftOut.length < changed.length) {
    warnings.push({
      text: {
        en: `${target.composeFile} differs from the commit. It is used as it lies here.`,
        zh: `${target.composeFile} 与提交不一致, 将按本地内容使用.`,
      },
    });
  }
  if (facts.app?.holdsState) warnings.push({ text: STATE_INSIDE });
  if (facts.database.kind === 'running' && facts.database.remoteTrust > 0) {
    warnings.push({
      text: {
        en: 'THE DATABASE LETS ANYBODY IN WITHOUT A PASSWORD (pg_hba.conf: trust). This run repairs it.',
        zh: '数据库当前允许无密码连接 (pg_hba.conf: trust). 本次运行会修复.',
      },
    });
  }
  return warnings;
}
