import { misuse } from '../../core/refusal.ts';
import { printable } from '../../core/text.ts';
import { type Parsed, usage } from '../../runs/command-line/flags.ts';
import type { Check } from './check.ts';
import { CHECKS } from './checks.ts';

/**
 * Those that are meant by ids or beginnings of ids, separated by commas: `env.drift,database.*`.
 *
 * @throws {OpsError} `usage` for one that there is not.
 */
export function selectChecks(wanted: string | undefined): readonly Check[] {
  if (wanted === undefined) return CHECKS;
  const words = wanted.split(/[,\s]+/).filter(Boolean);
  const matches = (word: string) =>
    CHECKS.filter(({ id }) => id === word || (word.endsWith('*') && id.startsWith(word.slice(0, -1))));
  for (const word of words) if (matches(word).length === 0) throw unknownCheck(word);
  return CHECKS.filter((check) => words.some((word) => matches(word).includes(check)));
}

/** @throws {OpsError} `usage` when several things are asked for, of which all but one would be left out. */
export function refuseSeveral({ explain, bundle, watch, fix }: Parsed): void {
  if ([explain, bundle, watch, fix].filter((w) => w !== undefined).length < 2) return;
  throw usage({
    en: '--explain, --bundle, --watch and --fix exclude one another',
    zh: '--explain, --bundle, --watch 与 --fix 只能使用其中一个',
  });
}

/** @throws {OpsError} `usage` */
export function checkOf(id: string): Check {
  const found = CHECKS.find((check) => check.id === id);
  if (found === undefined) throw unknownCheck(id);
  return found;
}

const unknownCheck = (word: string) =>
  misuse(
    { en: `There is no check ${printable(word)}.`, zh: `没有名为 ${printable(word)} 的检查项.` },
    { en: `There are: ${CHECKS.map((c) => c.id).join(' ')}`, zh: `可用的检查项: ${CHECKS.map((c) => c.id).join(' ')}` },
  );
