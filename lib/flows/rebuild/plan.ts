import path from 'node:path';
import { type Reason, throwIfAny } from '../../core/refusal.ts';
import type { Row } from '../../core/screen.ts';
import type { Target } from '../../core/target.ts';
import { humanBytes, printable, same, type Text } from '../../core/text.ts';
import { mountedUserdata } from '../../domain/app/userdata.ts';
import type { DestructiveRequest } from '../../domain/data/consent.ts';
import { exampleTexts } from '../../domain/env/example.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import { midwayText } from '../../domain/release/midway.ts';
import { runningWarnings } from '../../domain/release/running.ts';
import type { DataChoice } from '../../domain/replacement/data-refusals.ts';
import { replacementRefusals } from '../../domain/replacement/refusals.ts';
import { replacementWarnings, type Warning } from '../../domain/replacement/warnings.ts';
import type { ExistingVolume } from '../../domain/stack/containers.ts';
import type { DatabaseFacts, Facts } from '../../domain/stack/deployment.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import { composeFiles } from '../../tools/docker/compose-files.ts';
import { willSortOtherwise } from './collation.ts';

export interface RebuildPlan {
  readonly data: DataChoice;
  /** The volumes that will be deleted; empty when data is kept. */
  readonly deletes: readonly ExistingVolume[];
  /** Services whose containers another one takes the place of; those of a deletion that hold a volume go with it instead. */
  readonly replaces: readonly ServiceRole[];
  /** A database exists, so there is something to back up. */
  readonly backup: boolean;
  /** userdata can't be read in any way: a person has to agree that it is lost. */
  readonly losesUserdata: boolean;
  /** Containers run that serve now. */
  readonly interrupts: boolean;
  /** What becomes of requests meanwhile. */
  readonly hold: HoldFacts;
  readonly warnings: readonly Warning[];
}

export const DELETE_PHRASE = 'DELETE ALL DATA';
export const USERDATA_PHRASE = 'LOSE USERDATA';

/**
 * Every policy of a full rebuild. Pure.
 *
 * @throws {OpsError} `precondition` with all reasons at once when the rebuild must not be done.
 */
export function planRebuild(target: Target, facts: Facts, data: DataChoice, hold: HoldFacts): RebuildPlan {
  throwIfAny([...replacementRefusals(target, facts, data), ...(data === 'delete' ? deletionRefusals(facts) : [])]);
  const deletes = data === 'delete' ? facts.volumes : [];
  const backup = facts.database.kind !== 'none';
  const interrupts = facts.containers.app !== undefined;
  const outdated = data === 'delete' ? (['postgres', 'redis'] as const) : facts.storesOutdated;
  const replaces = [...outdated, 'app' as const].filter((role) => facts.containers[role] !== undefined);
  return {
    data,
    deletes,
    replaces,
    backup,
    losesUserdata: facts.app?.unreachable?.certain === true,
    interrupts,
    hold,
    warnings: warningsOf(target, facts),
  };
}

/** What the consent for a deletion names. */
export function deletionRequest(target: Target, facts: Facts, plan: RebuildPlan): DestructiveRequest {
  const db = facts.database;
  const database: Row[] =
    db.kind === 'running'
      ? [
          [{ en: 'database size', zh: '数据库大小' }, same(humanBytes(db.bytes))],
          [{ en: 'tables', zh: '表数量' }, same(String(db.tables))],
          ...db.largest.map(
            (t): Row => [
              { en: `rows in ${printable(t.name)}`, zh: `${printable(t.name)} 行数` },
              same(`${t.exact ? '' : '≈ '}${t.rows}${t.newest ? `  (${printable(t.newest)})` : ''}`),
            ],
          ),
          // The volume holds the whole cluster.
          ...db.identity.databases.map(
            ({ name, bytes }): Row => [
              { en: `database ${printable(name)}`, zh: `数据库 ${printable(name)}` },
              same(humanBytes(bytes)),
            ],
          ),
        ]
      : [[{ en: 'database', zh: '数据库' }, databaseText(db)]];
  return {
    title: {
      en: `ALL DATA of compose project ${facts.stack.project} will be deleted:`,
      zh: `compose 项目 ${facts.stack.project} 的全部数据将被删除:`,
    },
    phrase: DELETE_PHRASE,
    volumes: plan.deletes,
    ...(plan.losesUserdata && givenUp(facts)),
    losses: [...database, ...(plan.losesUserdata ? lostUserdata(target, facts) : savedUserdata(target, facts))],
  };
}

/** What the consent names when the data is kept, and userdata can't be. */
export function userdataRequest(target: Target, facts: Facts): DestructiveRequest {
  return {
    title: {
      en: 'userdata can’t be read in any way. It will be lost with its container, which is removed once the new one is proved:',
      zh: 'userdata 无法以任何方式读取. 新容器验证通过后将移除原容器, userdata 随之丢失:',
    },
    phrase: USERDATA_PHRASE,
    volumes: [],
    ...givenUp(facts),
    losses: lostUserdata(target, facts),
  };
}

/** It speaks of the data that goes, so the new container begins without it. */
function savedUserdata(target: Target, { containers: { app } }: Facts): Row[] {
  if (app === undefined || mountedUserdata(target, app.mounts).includes(target.app.userdata)) return [];
  return [
    [
      same('userdata'),
      {
        en: 'saved as userdata.tar in the directory of this run, and not put back: uploads, exports, logs',
        zh: '保存为本次运行目录中的 userdata.tar, 不会放回: 上传文件, 导出文件, 日志',
      },
    ],
  ];
}

const givenUp = ({ containers }: Facts) => ({ userdataOf: containers.app ? [containers.app.id] : [] });

function lostUserdata({ app: { userdata } }: Target, { app, containers }: Facts): Row[] {
  const name = printable(containers.app?.name ?? '?');
  return [
    [{ en: 'container', zh: '容器' }, same(`${name} (${containers.app?.id.slice(0, 12)}, ${containers.app?.state})`)],
    [
      { en: 'lost', zh: '将丢失' },
      {
        en: `all of its own ${userdata}: uploads, exports, logs, the scheduler's database`,
        zh: `其自身的 ${userdata}: 上传文件, 导出文件, 日志, 调度器数据库`,
      },
    ],
    [{ en: 'why', zh: '原因' }, app?.unreachable?.why ?? same('?')],
  ];
}

/** Volumes that are not this project's alone to delete. */
const deletionRefusals = ({ volumes }: Facts): Reason[] =>
  volumes.flatMap((v) => {
    const users = v.usedByOthers.map(printable).join(', ');
    return [
      ...(v.external ? [declaredExternal(v.name)] : []),
      ...(v.filesStay ? [staysOnDevice(v.name)] : []),
      ...(users ? [mountedByOthers(v.name, users)] : []),
    ];
  });

const declaredExternal = (name: string): Reason => ({
  text: {
    en: `Volume ${name} is declared external; this script does not delete it.`,
    zh: `卷 ${name} 声明为 external, 本脚本不会删除它.`,
  },
  fix: { en: 'Use --data keep.', zh: '请使用 --data keep.' },
});

const staysOnDevice = (name: string): Reason => ({
  text: {
    en: `Volume ${name} has its files in a directory or on a server of its own, or with a plugin: docker volume rm would leave them there, and the new volume would have them again.`,
    zh: `卷 ${name} 的文件位于另外指定的目录或存储服务器, 或由插件管理: docker volume rm 不会删除这些文件, 新建的卷会再次使用它们.`,
  },
  fix: {
    en: `Use --data keep, or move the data into a volume of the engine's own first. Where the files are: docker volume inspect ${name}`,
    zh: `请使用 --data keep, 或先将数据迁移到引擎自身管理的卷. 查看文件位置: docker volume inspect ${name}`,
  },
});

const mountedByOthers = (name: string, users: string): Reason => ({
  text: { en: `Volume ${name} is also mounted by ${users}.`, zh: `卷 ${name} 同时被 ${users} 挂载.` },
  fix: { en: 'Remove those containers first, or use --data keep.', zh: '请先移除这些容器, 或使用 --data keep.' },
});

function warningsOf(target: Target, facts: Facts): Warning[] {
  const warnings = replacementWarnings(target, facts, 'built');
  const changed = facts.checkout.changed.map((line) => line.slice(3));
  const composed = composeFiles(target).map((file) => path.relative(target.dir, file));
  const leftOut = changed.filter((file) => !composed.includes(file));
  const asTheyLie = changed
    .filter((file) => composed.includes(file))
    .map(printable)
    .join(', ');
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
  if (asTheyLie) {
    warnings.push({
      text: {
        en: `${asTheyLie}: not as in the commit. Used as it lies here.`,
        zh: `${asTheyLie} 与提交不一致, 将按本地内容使用.`,
      },
    });
  }
  if (facts.example) for (const text of exampleTexts(target.envExample, facts.example)) warnings.push({ text });
  for (const text of facts.asItLies ?? []) warnings.push({ text });
  if (facts.midway.length > 0) warnings.push({ text: midwayText(facts.midway) });
  if (facts.database.kind === 'running' && facts.database.remoteTrust > 0) {
    warnings.push({
      text: {
        en: 'THE DATABASE LETS ANYBODY IN WITHOUT A PASSWORD (pg_hba.conf: trust). This run repairs it.',
        zh: '数据库当前允许无密码连接 (pg_hba.conf: trust). 本次运行会修复.',
      },
    });
  }
  warnings.push(...facts.collation.map((change) => willSortOtherwise(target, change)));
  for (const text of runningWarnings(facts.app?.running, facts.app?.released)) warnings.push({ text });
  if (facts.login === 'wrong-password') warnings.push({ text: PASSWORD_CHANGES });
  return warnings;
}

const PASSWORD_CHANGES: Text = {
  en: "The server's role has another password than .env: it will get that of .env (ALTER ROLE).",
  zh: '数据库角色的密码与 .env 不一致: 将更新为 .env 中的密码 (ALTER ROLE).',
};

/** The database in a line, as far as it could be asked. */
export function databaseText(db: DatabaseFacts): Text {
  if (db.kind === 'unreadable') {
    const { en, zh } = NOT_ASKED.unreadable;
    return { en: `${en}: ${printable(db.why.en)}`, zh: `${zh}: ${printable(db.why.zh)}` };
  }
  if (db.kind !== 'running') return NOT_ASKED[db.kind];
  const [size, revision] = [humanBytes(db.bytes), printable(db.revision ?? '-')];
  return {
    en: `${size}, ${db.tables} tables, revision ${revision}`,
    zh: `${size}, ${db.tables} 张表, 结构版本 ${revision}`,
  };
}

const NOT_ASKED: Readonly<Record<Exclude<DatabaseFacts['kind'], 'running'>, Text>> = {
  none: { en: 'none', zh: '无' },
  stopped: { en: 'not running', zh: '未运行' },
  unreadable: { en: 'running, but can’t be read', zh: '运行中, 但无法读取' },
};
