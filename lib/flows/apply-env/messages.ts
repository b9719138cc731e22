import type { Ops } from '../../core/ops.ts';
import { agree } from '../../core/refusal.ts';
import { type Row, SUMMARY, section, WHAT_IS_THERE } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { sayProved } from '../../core/verdict.ts';
import { describeHealth } from '../../domain/app/health.ts';
import { exampleTexts } from '../../domain/env/example.ts';
import { stampRows } from '../../domain/env/stamp.ts';
import { type Noticed, outageText } from '../../domain/hold/downtime.ts';
import { holdText, meanwhile, seenText } from '../../domain/hold/messages.ts';
import { keptEnv } from '../../domain/images/kept-container.ts';
import { PROVES } from '../../domain/ledger/proofs.ts';
import { recordRelease } from '../../domain/ledger/releases.ts';
import { replacementWarnings } from '../../domain/replacement/warnings.ts';
import { leftAloneRows, leftAloneWarnings } from '../../domain/stack/left-alone.ts';
import { type Steps, showSteps } from '../../runs/steps/steps.ts';
import type { EnvWay } from './facts.ts';
import { namesText } from './refusals.ts';
import type { Proven } from './steps.ts';

/** What was found and what will be done, step by step. */
export function showPlan(ops: Ops, way: EnvWay, steps: Steps): void {
  const { facts: deployed, change, requests } = way;
  const { show } = ops.screen;
  const { commit, subject } = deployed.checkout;
  section(ops.screen, WHAT_IS_THERE, 'facts', [
    [{ en: 'directory', zh: '部署目录' }, same(printable(ops.target.dir))],
    [{ en: 'runs now, and stays', zh: '当前运行 (不变)' }, same(printable(`${commit.slice(0, 10)} ${subject}`))],
    [
      change?.isKept === false ? GIVEN : { en: 'changed in .env', zh: '.env 中的改动' },
      same(namesText(change?.names ?? []) || '-'),
    ],
    ...stampRows(way.stamps),
    ...(way.isUnproved ? [UNPROVED] : []),
    ...(way.isDown ? [DOWN] : []),
    ...leftAloneRows(deployed.stack),
    [{ en: 'requests meanwhile', zh: '期间的请求' }, holdText(requests)],
  ]);
  for (const text of deployed.example ? exampleTexts(ops.target.envExample, deployed.example) : [])
    show({ event: 'warning', text });
  for (const warning of replacementWarnings(ops.target, deployed, 'env')) show({ event: 'warning', ...warning });
  showSteps(ops.screen, steps);
}

const UNPROVED: Row = [
  { en: 'not proved yet', zh: '尚未验证' },
  {
    en: 'a killed run put this container in the place of the former one: it is made once more, and proved',
    zh: '当前容器由被强制终止的运行换上, 尚未验证: 将重新创建并验证',
  },
];

const DOWN: Row = [
  { en: 'does not run', zh: '未运行' },
  { en: 'it is made once more with the present .env, started and proved', zh: '将以当前 .env 重新创建, 启动并验证' },
];

const GIVEN: Text = { en: 'changed in .env or the compose file', zh: '.env 或 compose 文件中的改动' };

/** @throws {OpsError} `declined` */
export async function agreeToGo(ops: Ops, { requests }: EnvWay): Promise<void> {
  const { en, zh } = meanwhile(requests);
  await agree(ops.screen, { en: `Apply .env? ${en}.`, zh: `是否应用 .env? ${zh}.` });
}

/** What is said when the container has all of `.env` already. While it serves, that makes good what a killed run had begun of it. */
export function nothingToDo(ops: Ops, { facts }: EnvWay): Text {
  if (facts.app?.serving) ops.journal.write({ event: 'plan', steps: [], proves: PROVES['apply-env'] });
  const text =
    keptEnv(ops.paths) === undefined
      ? {
          en: 'Nothing to do: the container has every variable as compose gives it now. Whether .env differs beyond that is not known: the former one is not kept yet.',
          zh: '无需操作: 容器的变量与 compose 当前给出的一致. 此处尚未保存原来的 .env, 除此之外是否有改动无法得知.',
        }
      : { en: 'Nothing to do: the container was made with the present .env.', zh: '无需操作: 容器即以当前 .env 创建.' };
  ops.screen.show({ event: 'ok', text });
  return text;
}

/** Records it and shows the summary: only what was measured or seen. Returns the verdict. */
export function conclude(
  ops: Ops,
  way: EnvWay,
  {
    health,
    besides,
    noticed,
    imageId,
  }: Pick<Proven, 'health' | 'besides'> & { readonly noticed: Noticed | undefined; readonly imageId: string },
): Text {
  const { commit, subject } = way.facts.checkout;
  const names = namesText([...(way.change?.names ?? []), ...way.stamps]);
  const down = outageText(noticed);
  recordRelease(ops, {
    kind: 'env',
    way: 'image',
    commit,
    subject,
    imageId,
    previousImage: way.previous?.reference,
    previousCommit: commit,
    verdict: {
      en: `proved; .env: ${names}; production was down ${down.en}`,
      zh: `已验证; .env: ${names}; 服务实际中断 ${down.zh}`,
    },
  });
  const { show } = ops.screen;
  section(ops.screen, SUMMARY, 'summary', [
    [{ en: 'applied', zh: '已生效' }, same(names || '-')],
    [{ en: 'commit, as before', zh: '提交 (未变)' }, same(printable(`${commit.slice(0, 10)} ${subject}`))],
    [{ en: 'health', zh: '健康检查' }, describeHealth(health)],
    [{ en: 'production was down', zh: '服务实际中断' }, down],
    ...(way.hold.seen.held > 0 ? [[{ en: 'held meanwhile', zh: '期间暂存' }, seenText(way.hold.seen)] as const] : []),
    [{ en: 'journal', zh: '运行记录' }, same(ops.paths.run)],
  ]);
  for (const left of leftAloneWarnings(ops.target, way.facts.stack, 'env')) show({ event: 'warning', ...left });
  return sayProved(
    ops.screen,
    besides,
    { en: 'Applied and proved', zh: '已应用并验证' },
    { en: `applied .env: ${names}; production was down ${down.en}`, zh: `已应用 .env: ${names}; 服务中断 ${down.zh}` },
  );
}
