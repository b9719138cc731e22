import type { Screen } from '../../core/screen.ts';
import { seconds, type Text } from '../../core/text.ts';
import type { Diagnosis, Finding } from './diagnose.ts';

export interface Showing {
  /** Also what is well. */
  readonly all: boolean;
  /** Only what is wrong, and no summary. */
  readonly quiet: boolean;
}

/** Causes first, each with what follows from it; then what could not be asked; then how many are well. */
export function showDiagnosis(screen: Screen, diagnosis: Diagnosis, { all, quiet }: Showing): void {
  const { findings, well, unknown, counts } = diagnosis;
  // Where something is broken, what can wait must not push it off the screen.
  const brief = counts.fail > 0 && !all;
  for (const finding of findings) showFinding(screen, finding, brief && finding.level === 'WARN');
  if (quiet) return;
  if (all) for (const finding of [...unknown, ...well]) showFinding(screen, finding);
  else for (const [why, ids] of byReason(unknown)) screen.show({ event: 'info', text: notAsked(why, ids) });
}

/** @param brief in a line, without what mends it. */
export function showFinding(
  screen: Screen,
  { check, level, problems, why, acknowledged, under }: Finding,
  brief = false,
): void {
  const { id, area, when, title, meaning } = check;
  const mend = problems.some((p) => p.fix)
    ? [...problems.flatMap((p) => p.mend), FIX]
    : problems.flatMap((p) => p.mend);
  screen.show({
    event: 'finding',
    ...{ id, area, level, when, title, meaning, acknowledged, under, ...(brief && { brief }) },
    seen: why ? [why] : problems.map((p) => p.seen),
    mend: mend.filter((m, at) => mend.findIndex((o) => o.en === m.en) === at),
  });
}

const FIX: Text = {
  en: 'Or have it done, after a question: npx tsx scripts/doctor.ts --fix',
  zh: '或由工具代为执行 (会先询问): npx tsx scripts/doctor.ts --fix',
};

function byReason(unknown: readonly Finding[]): (readonly [Text, readonly string[]])[] {
  const reasons = new Map<string, { why: Text; ids: string[] }>();
  for (const { why, check } of unknown) {
    if (why === undefined) continue;
    const known = reasons.get(why.en) ?? { why, ids: [] };
    known.ids.push(check.id);
    reasons.set(why.en, known);
  }
  return [...reasons.values()].map(({ why, ids }) => [why, ids]);
}

const notAsked = ({ en, zh }: Text, ids: readonly string[]): Text => ({
  en: `- ${ids.length} not asked: ${firstLine(en)}`,
  zh: `- ${ids.length} 项未检查: ${firstLine(zh)}`,
});

const firstLine = (text: string) => (text.split('\n')[0] ?? '').slice(0, 160);

/** What came out, in one sentence. */
export function verdictText(
  { counts: { fail, warn, acknowledged, follows, well, unknown } }: Diagnosis,
  milliseconds: number,
): Text {
  const en = [
    ...(fail > 0 ? [`${fail} broken or about to be`] : []),
    ...(warn > 0 ? [`${warn} to be looked at`] : []),
    ...(acknowledged > 0 ? [`${acknowledged} known`] : []),
    ...(follows > 0 ? [`${follows} that ${follows === 1 ? 'follows' : 'follow'}`] : []),
    `${well} well`,
    ...(unknown > 0 ? [`${unknown} not asked`] : []),
  ];
  const zh = [
    ...(fail > 0 ? [`${fail} 项故障或即将故障`] : []),
    ...(warn > 0 ? [`${warn} 项需关注`] : []),
    ...(acknowledged > 0 ? [`${acknowledged} 项已知悉`] : []),
    ...(follows > 0 ? [`${follows} 项由此引起`] : []),
    `${well} 项正常`,
    ...(unknown > 0 ? [`${unknown} 项未检查`] : []),
  ];
  return { en: `${en.join(', ')} (${seconds(milliseconds)})`, zh: `${zh.join(', ')} (${seconds(milliseconds)})` };
}
