import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { whatHappened } from '../../core/errors.ts';
import { UNWRITTEN } from '../../core/journal.ts';
import { type Ops, type Paths, uninterruptible } from '../../core/ops.ts';
import { CommandError } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { type Family, type Firewall, findFirewall, replaceRules } from '../../tools/iptables/iptables.ts';
import { COMMENT, commentOf, reminder } from './rules.ts';

/** Whatever dies, the kernel lets go of a rule after so long at most. */
export const LEASE_MS = 12_000;
/** Often: a disk that takes seconds for a flush holds this process up for as long. */
const RENEW_MS = 2_000;
const TRIES = 3;

const NONE = { ipv4: [], ipv6: [] } as const;

/** Rules that stand as long as somebody renews them. */
export interface Lease {
  /** New connections go past them; those that they have led keep their way. */
  stop(): Promise<void>;
  /** Takes them away; what they have led has ended. */
  end(): Promise<void>;
}

type RulesUntil = (until: number) => Readonly<Record<Family, readonly string[]>>;

/**
 * Puts rules in place and renews them until {@link Lease.end}, each time in one transaction. That there may be some is noted on disk first,
 * as far as it takes that: the next start of any script looks only then.
 *
 * @param rules the same each time, but for their end.
 * @throws {CommandError} when they are refused; none is there then.
 */
export async function leaseRules(ops: Ops, firewall: Firewall, rules: RulesUntil): Promise<Lease> {
  const comment = commentOf(ops.paths);
  const over = new AbortController();
  // Neither a Ctrl-C nor a full disk may end it: whoever undoes needs it as well.
  const calm = uninterruptible(ops);
  const put = (by: Ops) =>
    replaceRules(by, firewall, comment, rules(Math.floor((ops.clock.now() + LEASE_MS) / 1000) * 1000));
  note(ops.paths, comment);
  try {
    await put(calm);
  } catch (error) {
    await takeAway(calm, firewall, [comment]);
    throw error;
  }
  // That the rules are there has been written down. To flush that again for each renewal would let a slow disk end them.
  const renewing = renew(calm, () => put({ ...calm, journal: UNWRITTEN }), over.signal);
  return {
    async stop() {
      over.abort();
      await renewing;
      await replaced(calm, firewall, comment, reminder(comment));
    },
    async end() {
      over.abort();
      await renewing;
      await takeAway(calm, firewall, [comment]);
    },
  };
}

async function renew(ops: Ops, put: () => Promise<void>, over: AbortSignal): Promise<void> {
  let said = false;
  for (;;) {
    await ops.clock.sleep(RENEW_MS, over).catch(() => undefined);
    if (over.aborted) return;
    try {
      await put();
    } catch (error) {
      if (!said) ops.screen.show({ event: 'warning', text: notRenewed(whatHappened(error)) });
      said = true;
    }
  }
}

/** The rules with these comments, all families, and the note of them. */
async function takeAway(ops: Ops, firewall: Firewall, comments: readonly string[]): Promise<void> {
  for (const comment of comments) if (!(await replaced(ops, firewall, comment, NONE))) return;
  rmSync(noteOf(ops.paths), { force: true });
}

/** False, and a warning, when it could not be done in several tries: others change the same table. */
async function replaced(
  ops: Ops,
  firewall: Firewall,
  comment: string,
  rules: ReturnType<RulesUntil>,
): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    try {
      await replaceRules(ops, firewall, comment, rules);
      return true;
    } catch (error) {
      if (tries < TRIES) continue;
      if (!(error instanceof CommandError)) throw error;
      ops.screen.show({ event: 'warning', text: notRemoved(error.what), fix: BY_ITSELF });
      return false;
    }
  }
}

/**
 * Removes what a killed run has left, known by its exact comment: the one that it noted, since when the directory may have been moved; a full
 * disk may have kept it from that. Nothing is asked where no run has left a note.
 */
export async function removeLeftRules(ops: Ops): Promise<void> {
  if (!existsSync(noteOf(ops.paths))) return;
  const firewall = await findFirewall(ops);
  if (firewall) await takeAway(ops, firewall, [...new Set([commentOf(ops.paths), ...notedIn(ops.paths)])]);
}

function notedIn(paths: Paths): string[] {
  try {
    return readFileSync(noteOf(paths), 'utf8').match(COMMENT) ?? [];
  } catch {
    return []; // another user's
  }
}

/** A run has put rules in place and has not taken them away: it is at that, or it was killed. */
export const hasLeftRules = (paths: Pick<Paths, 'state'>): boolean => existsSync(noteOf(paths));

function note(paths: Paths, comment: string): void {
  try {
    writeFileSync(noteOf(paths), comment, { mode: 0o600 });
  } catch {
    // A full disk: should this run be killed now, rules without effect stay until somebody removes them. Requests refused would be worse.
  }
}

const noteOf = ({ state }: Pick<Paths, 'state'>) => path.join(state, 'hold-rules');

const notRenewed = (why: Text): Text => ({
  en: `The rules that hold requests could not be renewed; the kernel ends them within ${LEASE_MS / 1000} s, and requests are refused then: ${why.en}`,
  zh: `未能续期暂存请求的 iptables 规则, 内核会在 ${LEASE_MS / 1000} 秒内使其失效, 之后请求会被拒绝: ${why.zh}`,
});

const notRemoved = (why: Text): Text => ({
  en: `Rules that held requests could not be removed: ${why.en}`,
  zh: `未能移除暂存请求的 iptables 规则: ${why.zh}`,
});

const BY_ITSELF: Text = {
  en: `They have no effect after ${LEASE_MS / 1000} s; the next start of any script that changes something removes them.`,
  zh: `${LEASE_MS / 1000} 秒后规则自动失效; 下次启动会做改动的脚本时会清除.`,
};
