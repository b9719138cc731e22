import { NOTHING_CHANGED, OpsError } from './errors.ts';
import type { Screen } from './screen.ts';
import { joined, type Text } from './text.ts';

/** Why something must not be done, and what to do about it. */
export interface Reason {
  readonly text: Text;
  readonly fix: Text;
}

/** A precondition that is not met; nothing was changed. To be thrown. */
export const refuse = (what: Text, ...next: readonly Text[]): OpsError =>
  new OpsError({ kind: 'precondition', what, state: NOTHING_CHANGED, next });

/** `.env`, the compose file or the target configuration is wrong; nothing was changed. To be thrown. */
export const misconfigured = (what: Text, ...next: readonly Text[]): OpsError =>
  new OpsError({ kind: 'config', what, state: NOTHING_CHANGED, next });

/** Somebody said no, or nobody could be asked; nothing was changed. To be thrown. */
export const decline = (what: Text, ...next: readonly Text[]): OpsError =>
  new OpsError({ kind: 'declined', what, state: NOTHING_CHANGED, next });

/** A precondition that is not met, where something may have been changed, or the caller says what was not. To be thrown. */
export const unmet = (what: Text, ...next: readonly Text[]): OpsError =>
  new OpsError({ kind: 'precondition', what, next });

/** A mistake of whoever typed it, or wrote the script. To be thrown. */
export const misuse = (what: Text, ...next: readonly Text[]): OpsError => new OpsError({ kind: 'usage', what, next });

/** An outside program, or a server, did not come to an end in time. To be thrown. */
export const late = (what: Text, ...next: readonly Text[]): OpsError => new OpsError({ kind: 'deadline', what, next });

/** The job failed. To be thrown. */
export const failed = (what: Text, ...next: readonly Text[]): OpsError => new OpsError({ kind: 'failed', what, next });

/** What was done could not be proved, for all of these reasons. To be thrown. */
export function notProved(...why: readonly Text[]): OpsError {
  const { en, zh } = joined(why);
  return failed({ en: `Not proved: ${en}`, zh: `验证未通过: ${zh}` });
}

/** An outside program failed, or said what nobody understands. To be thrown. */
export const commandFailed = (what: Text, ...next: readonly Text[]): OpsError =>
  new OpsError({ kind: 'command', what, next });

/** @throws {OpsError} `precondition` with all reasons at once; what mends several of them is said once. */
export function throwIfAny(reasons: readonly Reason[]): void {
  if (reasons.length === 0) return;
  const texts = reasons.map((r) => r.text);
  throw refuse(joined(texts, '\n'), ...new Map(reasons.map((r) => [r.fix.en, r.fix])).values());
}

/** The one question before a change that destroys nothing. @throws {OpsError} `declined` */
export async function agree(screen: Pick<Screen, 'askYes'>, question: Text): Promise<void> {
  if (await screen.askYes(question)) return;
  throw decline(
    { en: 'Cancelled.', zh: '已取消.' },
    { en: 'Without a terminal, pass --yes.', zh: '无终端环境请使用 --yes.' },
  );
}
