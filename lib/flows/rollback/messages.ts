import type { Ops } from '../../core/ops.ts';
import { agree } from '../../core/refusal.ts';
import { SUMMARY, say, section, WHAT_IS_THERE } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { sayProved } from '../../core/verdict.ts';
import { describeHealth, type Health } from '../../domain/app/health.ts';
import { stampRows } from '../../domain/env/stamp.ts';
import { type Noticed, outageText } from '../../domain/hold/downtime.ts';
import { holdText, meanwhile, seenText } from '../../domain/hold/messages.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import { recordRelease } from '../../domain/ledger/releases.ts';
import { runningText } from '../../domain/release/running.ts';
import { replacementWarnings } from '../../domain/replacement/warnings.ts';
import { clusterRows } from '../../domain/restoration/losses.ts';
import { leftAloneRows, leftAloneWarnings } from '../../domain/stack/left-alone.ts';
import { type Steps, showSteps } from '../../runs/steps/steps.ts';
import type { ImageWay } from './facts.ts';

/** What would be replaced by what, step by step. */
export function showPlan(ops: Ops, way: ImageWay, steps: Steps): void {
  const { choice, facts, imageId, revision, data, requests } = way;
  const { commit, subject, at } = choice.release;
  section(ops.screen, WHAT_IS_THERE, 'facts', [
    [{ en: 'directory', zh: '部署目录' }, same(printable(ops.target.dir))],
    [{ en: 'runs now', zh: '当前运行' }, runsNow(facts)],
    [{ en: 'goes back to', zh: '回退到' }, same(printable(`${commit.slice(0, 10)} ${subject} (${at})`))],
    ...stampRows(ops.target.release.stamp),
    ...leftAloneRows(facts.stack),
    [{ en: 'image', zh: '镜像' }, same(imageId.slice(0, 19))],
    [{ en: 'requests meanwhile', zh: '期间的请求' }, holdText(requests)],
    [{ en: 'schema revision', zh: '数据库结构版本' }, same(revision ?? '-')],
    [
      { en: 'data', zh: '数据' },
      data === undefined
        ? { en: 'stays as it is', zh: '保持不变' }
        : { en: 'goes back too (see below)', zh: '一并回退 (见下)' },
    ],
    ...(data ? clusterRows(data.incoming) : []),
  ]);
  for (const warning of replacementWarnings(ops.target, facts, 'image'))
    ops.screen.show({ event: 'warning', ...warning });
  showSteps(ops.screen, steps);
}

function runsNow({ app, containers }: ImageWay['facts']): Text {
  const said = app?.running ? runningText(app.running) : same('?');
  const state = containers.app?.state ?? '-';
  return { en: `${said.en} (${state})`, zh: `${said.zh} (${state})` };
}

/** @throws {OpsError} `declined` */
export async function agreeToGo(ops: Ops, hold: HoldFacts): Promise<void> {
  const { en, zh } = meanwhile(hold);
  const question = { en: `Go back? ${en}; data stays as it is.`, zh: `是否回退? ${zh}, 数据保持不变.` };
  await agree(ops.screen, question);
}

export interface WentBack {
  readonly health: Health;
  /** What is not well, not released or not known all the same. */
  readonly besides: readonly Text[];
  /** What the former database is called, when data went back too. */
  readonly keptDatabase: string | undefined;
}

/** Records it and shows the summary: only what was measured or seen. Returns the verdict. */
export function conclude(ops: Ops, way: ImageWay, went: WentBack, noticed: Noticed | undefined): Text {
  const { choice, facts, imageId, previous, hold } = way;
  const { commit, subject } = choice.release;
  const [short, former] = [commit.slice(0, 10), facts.app?.commit];
  const down = outageText(noticed);
  recordRelease(ops, {
    kind: 'rollback',
    way: 'image',
    commit,
    subject,
    imageId,
    previousImage: previous?.reference,
    previousCommit: former,
    verdict: {
      en: `proved; production was down ${down.en}${went.keptDatabase ? '; with its data' : ''}`,
      zh: `已验证; 服务实际中断 ${down.zh}${went.keptDatabase ? '; 连同其数据' : ''}`,
    },
  });
  const { show } = ops.screen;
  section(ops.screen, SUMMARY, 'summary', [
    [{ en: 'old release', zh: '回退前' }, same(former?.slice(0, 10) ?? '?')],
    [{ en: 'runs now', zh: '当前运行' }, same(printable(`${short} ${subject}`))],
    [{ en: 'health', zh: '健康检查' }, describeHealth(went.health)],
    [{ en: 'production was down', zh: '服务实际中断' }, down],
    ...(hold.seen.held > 0 ? [[{ en: 'held meanwhile', zh: '期间暂存' }, seenText(hold.seen)] as const] : []),
    [{ en: 'former database', zh: '原数据库' }, same(went.keptDatabase ?? '-')],
    [{ en: 'journal', zh: '运行记录' }, same(ops.paths.run)],
  ]);
  say(ops.screen, 'info', {
    en: 'The deploy directory was left as it is: a full rebuild from there would bring back what was left just now.',
    zh: '部署目录未改动: 在其中执行全量重建会再次部署刚才回退掉的版本.',
  });
  for (const left of leftAloneWarnings(ops.target, facts.stack, 'image')) show({ event: 'warning', ...left });
  if (went.keptDatabase !== undefined) {
    const back = `npx tsx scripts/restore-prod.ts --back ${went.keptDatabase}`;
    say(ops.screen, 'info', {
      en: `The former data is kept as database ${went.keptDatabase}; to return to it: ${back}`,
      zh: `原数据保留为数据库 ${went.keptDatabase}; 换回命令: ${back}`,
    });
  }
  return sayProved(
    ops.screen,
    went.besides,
    { en: `Gone back and proved: ${short}`, zh: `回退完成并已验证: ${short}` },
    { en: `went back to ${commit}; production was down ${down.en}`, zh: `已回退到 ${commit}; 服务中断 ${down.zh}` },
  );
}
