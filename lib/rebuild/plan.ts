import { NOTHING_CHANGED, OpsError } from '../errors.ts';
import type { DestructiveRequest } from '../guard/consent.ts';
import { runningWarnings } from '../runbook/running.ts';
import type { PlannedStep } from '../runbook/steps.ts';
import { explainBind } from '../target/binds.ts';
import type { ExistingVolume } from '../target/containers.ts';
import { explain } from '../target/ports.ts';
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
    warnings: warningsOf(facts),
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
  const reasons: Reason[] = [];
  for (const v of facts.volumes) {
    if (v.project !== undefined && v.project !== facts.stack.project) {
      reasons.push({
        text: {
          en: `Volume ${v.name} belongs to another compose project (${printable(v.project)}).`,
          zh: `卷 ${v.name} 属于另一个 compose 项目 (${printable(v.project)}).`,
        },
        fix: {
          en: 'Give this deployment volume names of its own, or run the script in that project.',
          zh: '请为本部署使用独立的卷名, 或在该项目中运行脚本.',
        },
      });
    }
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
  reasons.push(...facts.unusablePorts.map(explain));
  reasons.push(...facts.brokenBinds.filter((b) => b.why !== 'absent').map(explainBind));
  if (data === 'keep' && typeof facts.login === 'object') reasons.push(noLogin(facts.login.error));
  if ((facts.app?.userdataBytes ?? 0) > facts.freeBytes) reasons.push(noRoom(facts));
  return reasons;
}

const noLogin = (error: string): Reason => ({
  text: {
    en: `PostgreSQL does not let the application log in over TCP, and a password would not change that: ${error}`,
    zh: `应用无法经 TCP 登录 PostgreSQL, 且与密码无关: ${error}`,
  },
  fix: {
    en: 'Compare POSTGRES_USER and POSTGRES_DB in .env with the server, and look at its log.',
    zh: '请核对 .env 中的 POSTGRES_USER 与 POSTGRES_DB, 并查看数据库日志.',
  },
});

const noRoom = ({ app, freeBytes }: Facts): Reason => {
  const [size, free] = [humanBytes(app?.userdataBytes ?? 0), humanBytes(freeBytes)];
  return {
    text: {
      en: `userdata has ${size} and is saved while production is down; ${free} of disk are free.`,
      zh: `停机期间需要保存 userdata (${size}), 但磁盘仅剩 ${free}.`,
    },
    fix: {
      en: 'Make room: npx tsx scripts/backup-prod.ts list, docker system df',
      zh: '请先释放空间: npx tsx scripts/backup-prod.ts list, docker system df',
    },
  };
};

function warningsOf(facts: Facts): { text: Text; fix?: Text }[] {
  const warnings: { text: Text; fix?: Text }[] = [];
  if (facts.checkout.changed.length > 0) {
    const some = facts.checkout.changed
      .slice(0, 5)
      .map((c) => printable(c.slice(3)))
      .join(', ');
    warnings.push({
      text: {
        en: `Local changes will be built in: ${some}${facts.checkout.changed.length > 5 ? ', …' : ''}`,
        zh: `工作区的本地修改将被构建进镜像: ${some}${facts.checkout.changed.length > 5 ? ', …' : ''}`,
      },
    });
  }
  if (facts.database.kind === 'running' && facts.database.remoteTrust > 0) {
    warnings.push({
      text: {
        en: 'THE DATABASE LETS ANYBODY IN WITHOUT A PASSWORD (pg_hba.conf: trust). This run repairs it.',
        zh: '数据库当前允许无密码连接 (pg_hba.conf: trust). 本次运行会修复.',
      },
    });
  }
  for (const text of runningWarnings(facts.app?.running, facts.app?.released)) warnings.push({ text });
  warnings.push(...facts.brokenBinds.filter((b) => b.why === 'absent').map(explainBind));
  if (facts.login === 'wrong-password') warnings.push({ text: PASSWORD_CHANGES });
  return warnings;
}

const PASSWORD_CHANGES: Text = {
  en: "The server's role has another password than .env: it will get that of .env (ALTER ROLE).",
  zh: '数据库角色的密码与 .env 不一致: 将更新为 .env 中的密码 (ALTER ROLE).',
};
