import type { Ops } from '../../core/ops.ts';
import { agree } from '../../core/refusal.ts';
import { type Row, SUMMARY, section, WHAT_IS_THERE } from '../../core/screen.ts';
import { humanBytes, printable, same, seconds, type Text } from '../../core/text.ts';
import { outageText } from '../../domain/hold/downtime.ts';
import { holdText, seenText } from '../../domain/hold/messages.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import { showSteps } from '../../runs/steps/show-steps.ts';
import { plannedOf, type Steps } from '../../runs/steps/steps.ts';
import { toldOtherwise } from '../../tools/postgres/capabilities.ts';
import type { BackFacts } from './back.ts';
import type { Facts, Measured } from './facts.ts';
import type { Left } from './finish.ts';
import { composeLines } from './refusals.ts';
import type { Requests } from './switch.ts';

/** What was found, and what will be done: first what only tries. */
export function showPlan(ops: Ops, facts: Facts, trial: Steps, upgrade: Steps | undefined): void {
  const { database, identity, to, room, capabilities, left } = facts;
  const rows: Row[] = [
    [{ en: 'directory', zh: '部署目录' }, same(printable(ops.target.dir))],
    [
      { en: 'PostgreSQL now', zh: '当前 PostgreSQL' },
      same(`${identity.major}, ${printable(database.volume.name)}, ${humanBytes(facts.bytes)}`),
    ],
    [
      { en: 'will be', zh: '升级为' },
      same(`${to.major}, ${'volume' in room ? printable(room.volume) : '-'}, ${printable(to.reference)}`),
    ],
    [
      { en: 'extensions', zh: '扩展' },
      same(printable(capabilities.extensions.filter((e) => e !== 'plpgsql').join(', ')) || '-'),
    ],
    ...(upgrade ? [[{ en: 'requests meanwhile', zh: '期间的请求' }, requestsText(facts.hold)] as const] : []),
    ...left.map((name): Row => [{ en: 'stays behind', zh: '不随升级迁移' }, staysText(name)]),
  ];
  section(ops.screen, WHAT_IS_THERE, 'facts', rows);
  showSteps(ops.screen, [...plannedOf(trial), ...(upgrade ? plannedOf(upgrade) : [])]);
}

const staysText = (name: string): Text => ({
  en: `${printable(name)} (left by a restore): in the former volume only`,
  zh: `${printable(name)} (恢复操作保留): 仅存在于原卷中`,
});

/** The text of the plan is about seconds; here it may be longer. */
const requestsText = (hold: HoldFacts): Text =>
  hold.kind === 'holds'
    ? holdText(hold)
    : { en: `refused meanwhile (${hold.why.en})`, zh: `期间会被拒绝 (${hold.why.zh})` };

/** Stop and start of the application and of both servers, beside what the data takes. */
const AROUND_MS = 20_000;

/** What the trial says about the real one. */
export function showMeasured(ops: Ops, facts: Facts, measured: Measured): void {
  const outage = Math.max(measured.backup, measured.restore) + AROUND_MS;
  const rows: Row[] = [
    [{ en: 'backup', zh: '备份' }, same(seconds(measured.backup))],
    [{ en: 'restore, compare, analyse', zh: '恢复, 比对, 统计信息' }, same(seconds(measured.restore))],
    [
      { en: 'nothing will be served for', zh: '预计停止服务' },
      { en: `about ${seconds(outage)}`, zh: `约 ${seconds(outage)}` },
    ],
    [
      { en: 'disk for the new cluster', zh: '新集群占用磁盘' },
      {
        en: `${humanBytes(measured.bytes)}, and the former ${humanBytes(facts.bytes)} until --drop`,
        zh: `${humanBytes(measured.bytes)}, 原集群 ${humanBytes(facts.bytes)} 保留至 --drop`,
      },
    ],
  ];
  section(ops.screen, { en: 'What the trial took', zh: '试升级结果' }, 'measured', rows);
  if (facts.hold.kind === 'holds' && outage > facts.hold.atMost * 1000) {
    ops.screen.show({
      event: 'warning',
      text: {
        en: `Requests wait ${facts.hold.atMost} s at most, and get a 503 page then: --hold-at-most.`,
        zh: `请求最长等待 ${facts.hold.atMost} 秒, 超过则返回 503 页面: --hold-at-most.`,
      },
    });
  }
}

/** The end of a trial: what is to be typed next. */
export function concludeTrial(ops: Ops, { to, stack, database, room, identity }: Facts): Text {
  const { show } = ops.screen;
  const done: Text = {
    en: `It can be done: PostgreSQL ${identity.major} → ${to.major}. Nothing was changed.`,
    zh: `可以升级: PostgreSQL ${identity.major} → ${to.major}. 未做任何更改.`,
  };
  show({ event: 'ok', text: done });
  if ('missing' in room) {
    show({
      event: 'info',
      text: {
        en: `Before it, ${ops.target.composeFile} has to say (commit, git pull; start nothing), the rest as it is:`,
        zh: `升级之前 ${ops.target.composeFile} 需包含以下内容 (提交并 git pull, 不要启动任何服务), 其余保持不变:`,
      },
    });
    for (const line of composeLines(stack, to, database.volume.name))
      show({ event: 'info', text: same(`    ${line}`) });
  }
  const next = `npx tsx scripts/upgrade-postgres.ts --to ${printable(to.reference)}`;
  show({ event: 'info', text: { en: `To do it: ${next}`, zh: `执行升级: ${next}` } });
  return done;
}

/** The question. @throws {OpsError} `declined` */
export async function agreeToGo(ops: Ops, { hold, to }: Facts): Promise<void> {
  const question: Text =
    hold.kind === 'holds'
      ? {
          en: `Go on to PostgreSQL ${to.major}? Requests will wait meanwhile.`,
          zh: `是否升级到 PostgreSQL ${to.major}? 期间请求将等待.`,
        }
      : {
          en: `Go on to PostgreSQL ${to.major}? Production will be down meanwhile.`,
          zh: `是否升级到 PostgreSQL ${to.major}? 期间服务中断.`,
        };
  await agree(ops.screen, question);
}

export function showBack(ops: Ops, { upgrade, definition }: BackFacts, steps: Steps): void {
  const { from, to, at } = upgrade;
  section(ops.screen, WHAT_IS_THERE, 'facts', [
    [{ en: 'upgraded', zh: '升级时间' }, same(at)],
    [{ en: 'PostgreSQL now', zh: '当前 PostgreSQL' }, same(`${to.major}, ${to.volume}`)],
    [{ en: 'back to', zh: '恢复为' }, same(`${from.major}, ${from.volume}, ${printable(definition.Config.Image)}`)],
  ]);
  showSteps(ops.screen, plannedOf(steps));
}

const requestsRows = ({ noticed, seen }: Requests): Row[] => [
  [{ en: 'production was down', zh: '服务实际中断' }, outageText(noticed)],
  [{ en: 'held meanwhile', zh: '期间暂存' }, seenText(seen)],
];

/** The end of the real one. */
export function conclude(ops: Ops, facts: Facts, health: Text, requests: Requests): Text {
  const { show } = ops.screen;
  const { identity, to, database, room } = facts;
  const verdict: Text = {
    en: `Upgraded and proved: PostgreSQL ${identity.major} → ${to.major}`,
    zh: `升级完成并已验证: PostgreSQL ${identity.major} → ${to.major}`,
  };
  const back = 'npx tsx scripts/upgrade-postgres.ts --back';
  const drop = 'npx tsx scripts/upgrade-postgres.ts --drop';
  section(ops.screen, SUMMARY, 'summary', [
    [same('PostgreSQL'), same(`${to.major}, ${'volume' in room ? room.volume : '-'}`)],
    [{ en: 'health', zh: '健康检查' }, health],
    ...requestsRows(requests),
    [{ en: 'former cluster', zh: '原集群' }, same(`${identity.major}, ${printable(database.volume.name)}`)],
    [{ en: 'settings brought along', zh: '沿用的参数' }, same(broughtAlong(facts))],
    [{ en: 'journal', zh: '运行记录' }, same(ops.paths.run)],
  ]);
  show({
    event: 'info',
    text: {
      en: `The way back, which leaves behind what is written from now on: ${back}`,
      zh: `退路 (此后写入的数据不会带回): ${back}`,
    },
  });
  show({
    event: 'info',
    text: {
      en: `When nobody needs it any more (asks first, and wants a backup of the new one): ${drop}`,
      zh: `确认不再需要后删除 (需确认, 且要求已有新集群的备份): ${drop}`,
    },
  });
  show({ event: 'ok', text: verdict });
  return verdict;
}

/** Names alone: a value may be a secret. */
const broughtAlong = ({ capabilities }: Facts): string => {
  const nothing = { inFiles: [], onCommandLine: [], known: [], available: [], extensions: [] };
  return (
    printable(
      toldOtherwise(capabilities, nothing)
        .map((s) => s.name)
        .join(', '),
    ) || '-'
  );
};

export function concludeBack(ops: Ops, { upgrade }: BackFacts, health: Text, requests: Requests): Text {
  const { from, to } = upgrade;
  const verdict: Text = {
    en: `PostgreSQL ${from.major} is in use again`,
    zh: `已恢复使用 PostgreSQL ${from.major}`,
  };
  const rows: Row[] = [
    [same('PostgreSQL'), same(`${from.major}, ${printable(from.volume)}`)],
    [{ en: 'health', zh: '健康检查' }, health],
    ...requestsRows(requests),
    [{ en: 'journal', zh: '运行记录' }, same(ops.paths.run)],
  ];
  section(ops.screen, SUMMARY, 'summary', rows);
  ops.screen.show({
    event: 'warning',
    text: {
      en: `${ops.target.composeFile} still asks for PostgreSQL ${to.major}: take that commit back (git revert, git pull). Until then 'docker compose up' by hand would start the other one, and a rebuild refuses.`,
      zh: `${ops.target.composeFile} 仍指定 PostgreSQL ${to.major}: 请撤回该提交 (git revert, git pull). 在此之前, 手工 docker compose up 会启动另一个集群, 全量重建会拒绝执行.`,
    },
  });
  ops.screen.show({ event: 'ok', text: verdict });
  return verdict;
}

/** Nothing was left to do, or not much. */
export function concludeDone(ops: Ops, { upgrade, around }: Extract<Left, { kind: 'done' }>, health: Text): Text {
  const { major } = upgrade[upgrade.inUse];
  const verdict: Text = {
    en: `PostgreSQL ${major} is what runs.`,
    zh: `当前运行的就是 PostgreSQL ${major}.`,
  };
  if (around.app) ops.screen.show({ event: 'info', text: health });
  ops.screen.show({ event: 'ok', text: verdict });
  return verdict;
}
