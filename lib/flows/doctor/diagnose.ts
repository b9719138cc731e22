import type { Target } from '../../core/target.ts';
import type { Text } from '../../core/text.ts';
import type { Check, Problem } from './check.ts';
import type { Facts } from './gather.ts';

type Acknowledgement = Target['acknowledged'][number];

export type Level = 'OK' | 'WARN' | 'FAIL' | 'UNKNOWN';

/** A check and what came of it. */
export interface Finding {
  readonly check: Check;
  readonly level: Level;
  readonly problems: readonly Problem[];
  /** Why it could not be asked. */
  readonly why: Text | undefined;
  /** Of a warning. */
  readonly acknowledged: Acknowledgement | undefined;
  /** That of another finding, which explains it. */
  readonly under: string | undefined;
}

export interface Diagnosis {
  /** What is wrong and nothing else explains, the worst first; each followed by those that it explains. */
  readonly findings: readonly Finding[];
  readonly well: readonly Finding[];
  readonly unknown: readonly Finding[];
  /** `fail`, `warn` and `acknowledged` are causes; `follows` is what they explain. */
  readonly counts: Readonly<Record<'fail' | 'warn' | 'acknowledged' | 'follows' | 'well' | 'unknown', number>>;
}

/** Judges all, and puts causes before what follows from them. Pure. */
export function diagnose(
  checks: readonly Check[],
  facts: Facts,
  acknowledgements: readonly Acknowledgement[],
): Diagnosis {
  const today = facts.at.known ? new Date(facts.at.value.now).toISOString().slice(0, 10) : '';
  const judged = checks.map((check) => judgedBy(check, facts, acknowledgements, today));
  const wrong = judged.filter((f) => f.level === 'FAIL' || f.level === 'WARN');
  const placed = wrong.map((f) => ({ ...f, under: causeOf(f, wrong)?.check.id }));
  const roots = placed.filter((f) => f.under === undefined);
  const rank = (f: Finding) => (f.acknowledged ? 4 : f.level === 'WARN' ? 2 : 0) + (f.check.when === 'now' ? 0 : 1);
  const findings = roots
    .toSorted((a, b) => rank(a) - rank(b))
    .flatMap((root) => [root, ...placed.filter((f) => rootOf(f, placed).check.id === root.check.id && f !== root)]);
  const [well, unknown] = [judged.filter((f) => f.level === 'OK'), judged.filter((f) => f.level === 'UNKNOWN')];
  const warnings = roots.filter((f) => f.level === 'WARN');
  const acknowledged = warnings.filter((f) => f.acknowledged).length;
  return {
    findings,
    well,
    unknown,
    counts: {
      fail: roots.length - warnings.length,
      warn: warnings.length - acknowledged,
      acknowledged,
      follows: placed.length - roots.length,
      well: well.length,
      unknown: unknown.length,
    },
  };
}

function judgedBy(check: Check, facts: Facts, acknowledgements: readonly Acknowledgement[], today: string): Finding {
  const missing = check.ask.map((group) => facts[group]).find((group) => !group.known);
  const rest = { check, acknowledged: undefined, under: undefined };
  if (missing && !missing.known) return { ...rest, level: 'UNKNOWN', problems: [], why: missing.why };
  const problems = check.judge(facts);
  const level = problems.some((p) => p.level === 'FAIL') ? 'FAIL' : problems.length > 0 ? 'WARN' : 'OK';
  const known = acknowledgements.find((a) => a.id === check.id && a.until >= today);
  return { ...rest, level, problems, why: undefined, acknowledged: level === 'WARN' ? known : undefined };
}

const explains = ({ check }: Finding, id: string): boolean =>
  check.id !== id && check.explains.some((e) => (e.endsWith('.*') ? id.startsWith(e.slice(0, -1)) : e === id));

/** The first that explains it. A warning explains no failure: that has a cause of its own. */
function causeOf(finding: Finding, wrong: readonly Finding[]): Finding | undefined {
  const at = wrong.indexOf(finding);
  return wrong.find(
    (other, index) =>
      explains(other, finding.check.id) &&
      (other.level === 'FAIL' || finding.level === 'WARN') &&
      // Two that explain each other: the one that comes first.
      (index < at || !explains(finding, other.check.id)),
  );
}

function rootOf(finding: Finding, all: readonly Finding[]): Finding {
  const above = all.find((f) => f.check.id === finding.under);
  return above ? rootOf(above, all) : finding;
}
