import type { Ops } from '../../core/ops.ts';
import { asTyped, change, run } from '../../core/run.ts';
import { say, section } from '../../core/screen.ts';
import { same, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { claimStack } from '../../domain/data/claim.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { type Check, groupsOf } from './check.ts';
import { CHECKS } from './checks.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import { type Facts, gather } from './gather.ts';
import { type Showing, showDiagnosis, showFinding, verdictText } from './show.ts';

export interface Examined {
  readonly facts: Facts;
  readonly diagnosis: Diagnosis;
  readonly milliseconds: number;
}

type Verdict = Text & { readonly exitCode?: number };

/** Asks, and judges. Changes nothing. */
export async function examine(ops: Ops, checks: readonly Check[]): Promise<Examined> {
  const started = ops.clock.monotonic();
  const facts = await gather(ops, groupsOf(checks));
  const diagnosis = diagnose(checks, facts, ops.target.acknowledged);
  return { facts, diagnosis, milliseconds: ops.clock.monotonic() - started };
}

/** Once, and shown. */
export async function look(
  ops: Ops,
  checks: readonly Check[],
  how: Showing & { readonly strict: boolean },
): Promise<Verdict> {
  warnOfUnknownAcknowledgements(ops);
  const { diagnosis, milliseconds } = await examine(ops, checks);
  showDiagnosis(ops.screen, diagnosis, how);
  return concluded(ops, diagnosis, milliseconds, how);
}

function concluded(
  { screen }: Ops,
  diagnosis: Diagnosis,
  milliseconds: number,
  { strict, quiet }: { readonly strict: boolean; readonly quiet: boolean },
): Verdict {
  const { fail, warn } = diagnosis.counts;
  const text = verdictText(diagnosis, milliseconds);
  const event = fail > 0 ? 'error' : warn > 0 ? 'warning' : 'ok';
  if (!quiet || fail + warn > 0) screen.show({ event, text });
  return { ...text, exitCode: fail > 0 || (strict && warn > 0) ? 1 : 0 };
}

function warnOfUnknownAcknowledgements({ screen, target }: Ops): void {
  for (const { id } of target.acknowledged) {
    if (CHECKS.some((check) => check.id === id)) continue;
    say(screen, 'warning', {
      en: `The configuration acknowledges ${id}, which is no check.`,
      zh: `配置中标为已知悉的 ${id} 不是检查项.`,
    });
  }
}

/** Again and again, until it is interrupted; after the first time only what has changed. */
export async function watch(ops: Ops, checks: readonly Check[], seconds: number, how: Showing): Promise<never> {
  let before = new Map<string, string>();
  for (let first = true; ; first = false) {
    const { diagnosis, milliseconds } = await examine(ops, checks);
    const now = new Map(diagnosis.findings.map((f) => [f.check.id, f.level]));
    if (first) {
      showDiagnosis(ops.screen, diagnosis, how);
      ops.screen.show({ event: 'info', text: verdictText(diagnosis, milliseconds) });
    } else {
      const time = new Date(ops.clock.now()).toISOString().slice(11, 19);
      const changed = diagnosis.findings.filter((f) => before.get(f.check.id) !== f.level);
      const gone = diagnosis.well.filter((f) => before.has(f.check.id));
      if (changed.length + gone.length > 0) ops.screen.show({ event: 'heading', text: same(`${time}Z`) });
      for (const finding of [...changed, ...gone]) showFinding(ops.screen, finding);
    }
    before = now;
    await ops.clock.sleep(seconds * 1000, ops.signal);
  }
}

/** Does what is harmless and can be undone by its opposite: starts what was stopped. Each is asked about. Then looks again. */
export async function mend(
  ops: Ops,
  checks: readonly Check[],
  how: Showing & { readonly strict: boolean; readonly planOnly: boolean },
): Promise<Verdict> {
  const { diagnosis, milliseconds } = await examine(ops, checks);
  showDiagnosis(ops.screen, diagnosis, how);
  const fixes = diagnosis.findings.flatMap((f) => f.problems.flatMap((p) => (p.fix ? [p.fix] : [])));
  // Before the first question: what another directory made, or works on, is not to be started from here.
  if (fixes.length > 0) await claimStack(ops, await resolveStack(ops, { justLooking: true }));
  let done = 0;
  for (const argv of fixes) {
    const typed = asTyped(argv);
    if (how.planOnly)
      ops.screen.show({ event: 'info', text: { en: `Would be asked about: ${typed}`, zh: `将会询问: ${typed}` } });
    else if (await ops.screen.askYes({ en: `Do it? ${typed}`, zh: `是否执行? ${typed}` })) {
      await run(ops, change(argv));
      done += 1;
    }
  }
  if (how.planOnly && fixes.length > 0) return ONLY_PLANNED;
  if (done === 0) {
    ops.screen.show({ event: 'info', text: fixes.length === 0 ? NOTHING_TO_FIX : NOT_DONE });
    return concluded(ops, diagnosis, milliseconds, how);
  }
  ops.screen.show({ event: 'heading', text: { en: 'Afterwards', zh: '执行之后' } });
  return look(ops, checks, how);
}

const NOTHING_TO_FIX: Text = {
  en: 'None of this can be fixed without a decision: the commands above are for you to run.',
  zh: '以上问题都需要人来决定, 请按提示的命令处理.',
};
const NOT_DONE: Text = { en: 'Nothing was done.', zh: '未执行任何操作.' };

/** What a check is about. */
export function explain({ screen }: Pick<Ops, 'screen'>, { id, area, when, title, meaning, explains }: Check): Text {
  section(screen, same(id), 'check', [
    [{ en: 'well when', zh: '正常状态' }, title],
    [{ en: 'otherwise', zh: '异常含义' }, meaning],
    [{ en: 'area', zh: '领域' }, same(area)],
    [
      { en: 'breaks', zh: '影响时机' },
      when === 'now' ? { en: 'now', zh: '当前' } : { en: 'at the next restart', zh: '下次重启时' },
    ],
    ...(explains.length > 0 ? [[{ en: 'explains', zh: '会连带引起' }, same(explains.join(' '))] as const] : []),
  ]);
  return title;
}
