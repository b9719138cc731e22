import path from 'node:path';
import { OpsError, whatHappened } from '../../core/errors.ts';
import { UNWRITTEN } from '../../core/journal.ts';
import type { Watched } from '../../core/notify.ts';
import { type Ops, uninterruptible } from '../../core/ops.ts';
import { orWarn, type Row } from '../../core/screen.ts';
import { SCRIPTS, same, type Text } from '../../core/text.ts';
import { deliver, ping, type Told } from '../../domain/alerts/deliver.ts';
import { type Event, kindOf } from '../../domain/alerts/event.ts';
import { writeMetrics } from '../../domain/alerts/metrics.ts';
import { outcomeAfter, readOutcome, readOutcomes, recordOutcome } from '../../domain/alerts/outcomes.ts';
import type { Requests } from '../../domain/ledger/requests.ts';
import { claimTelling, dropTelling, type Run } from '../../domain/ledger/runs.ts';
import type { Verdict } from '../command-line/script.ts';
import { endOf, isLatest, subjectOf, whatWasKilled } from './killed.ts';

/** What is told of a run, and by whom. */
export interface Teller {
  /** It begins. Does not wait. */
  begin(): void;
  /**
   * These were killed, and could not tell: each is told of once. Does not wait, and this run's end does not either: the process does.
   *
   * @param now what is there.
   */
  ofKilled(runs: readonly Run[], now: Promise<readonly Row[]>): void;
  /** It has ended: writes that down, tells who wants to know, and says who could not be reached. Never throws; takes some seconds at most. */
  end(how: Ending): Promise<void>;
}

export interface Ending {
  readonly exitCode: number;
  /** It did what it was to do: what is wrong is what it found. */
  readonly found?: boolean;
  readonly what: Text;
  readonly state?: Text | undefined;
  readonly next?: readonly Text[];
  readonly bytes?: number | undefined;
  /** Base name of the run's directory; `undefined` where it did not come so far. */
  readonly run?: string | undefined;
  readonly stack?: string | undefined;
  readonly requests?: Requests | undefined;
}

type Said = Pick<Ending, 'what' | 'state' | 'next' | 'run'>;

export const endedWell = (said: Verdict): Ending => ({
  exitCode: said.exitCode ?? 0,
  found: said.exitCode === 1,
  what: { en: said.en, zh: said.zh },
  bytes: said.bytes,
});

export const endedWith = (error: unknown, exitCode: number): Ending => ({
  exitCode,
  what: whatHappened(error),
  ...(error instanceof OpsError && { state: error.state, next: error.next }),
});

interface About {
  /** Script and its command. */
  readonly subject: string;
  readonly watched: Watched | undefined;
  readonly host: string;
  /** Somebody sits at the terminal. */
  readonly watching: boolean;
  /** What is typed before the name of a script of ours, wherever it is typed. */
  readonly scripts: string;
  /** Beside those of the configuration. */
  readonly metrics: string | undefined;
}

/** Tells of one run. Its own signal, because a run that was interrupted is told of, too. */
export function teller(base: Omit<Ops, 'journal'>, about: About): Teller {
  const ops: Ops = uninterruptible({ ...base, journal: UNWRITTEN });
  const began = ops.clock.monotonic();
  let started: Promise<Told | undefined> = Promise.resolve(undefined);
  const common = (said: Said): Pick<Event, 'host' | 'dir' | 'what' | 'state' | 'next'> => ({
    host: about.host,
    dir: ops.target.dir,
    ...textsOf(ops, said, about.scripts),
  });
  const heard: (() => void)[] = [];
  const tellOfKilled = async (run: Run, now: Promise<readonly Row[]>) => {
    const last = endOf(run);
    if (last === undefined || !claimTelling(run, ops.clock.now())) return;
    const subject = subjectOf(run);
    const before = readOutcome(ops.paths, subject);
    const watched = before?.watched ?? undefined;
    const after = outcomeAfter(before, { subject, watched }, last, true);
    if (isLatest(last, before)) await leniently(ops, () => recordOutcome(ops.paths, after));
    const said = { ...whatWasKilled(run, await now.catch(() => [])), run: run.name };
    const told = await deliver(ops, { kind: 'failed', subject, stack: undefined, ended: last, ...common(said) });
    if (told.length > 0 && told.every(({ failure }) => failure)) dropTelling(run);
    heard.push(() => sayTold(ops, told, { en: ` of ${run.name}`, zh: ` (${run.name})` }));
  };
  return {
    begin() {
      if (about.watched) started = ping(ops, about.watched, 'start', undefined);
    },
    ofKilled(runs, now) {
      // Whatever goes wrong here, it is not this run's.
      for (const run of runs) if (run.state.kind === 'died') tellOfKilled(run, now).catch(() => undefined);
    },
    async end(ending) {
      const before = readOutcome(ops.paths, about.subject);
      const hasRead = about.watching && ending.found === true; // whoever sits there
      const kind = kindOf(ending.exitCode, about.watching, before);
      const last = {
        at: new Date(ops.clock.now()).toISOString(),
        exitCode: ending.exitCode,
        run: ending.run ?? null,
        took: Math.round(ops.clock.monotonic() - began),
        requests: ending.requests ?? null,
        bytes: ending.bytes ?? null,
      };
      await leniently(ops, () =>
        recordOutcome(ops.paths, outcomeAfter(before, about, last, kind !== 'refused' && !hasRead)),
      );
      await leniently(ops, () => exportMetrics(ops, about.metrics));
      const event = { kind, subject: about.subject, stack: ending.stack, ended: last, ...common(ending) };
      await started; // in their order
      const pinged = about.watched && kind !== 'refused' ? pingEnd(ops, about.watched, ending) : undefined;
      for (const say of heard) say();
      sayTold(ops, [
        ...(hasRead ? [] : await deliver(ops, event)),
        ...[await started, await pinged].filter((told) => told !== undefined),
      ]);
    },
  };
}

const pingEnd = (ops: Ops, watched: Watched, { exitCode, what }: Ending) =>
  ping(ops, watched, exitCode === 0 ? undefined : 'fail', what);

const LONGEST = 1_000;
const MOST = 6;

/** What is sent: redacted before it is cut, and with commands that can be typed anywhere. */
function textsOf(
  { secrets }: Ops,
  { what, state, next = [], run }: Said,
  scripts: string,
): Pick<Event, 'what' | 'state' | 'next'> {
  const clean = (text: string) => secrets.redact(text).replaceAll(SCRIPTS, scripts).slice(0, LONGEST);
  const both = ({ en, zh }: Text): Text => ({ en: clean(en), zh: clean(zh) });
  const show = `${SCRIPTS}runs.ts show ${run ?? ''}`.trim();
  return { what: both(what), state: state && both(state), next: [...next.slice(0, MOST), same(show)].map(both) };
}

async function exportMetrics({ target, paths }: Ops, named: string | undefined): Promise<void> {
  const files = new Set([target.notify.metrics, named].filter((file) => file !== undefined));
  for (const file of files) await writeMetrics(file, readOutcomes(paths), path.dirname(paths.state));
}

/** A full disk is a reason to tell somebody, not one to keep silent. */
const leniently = ({ screen }: Ops, write: () => Promise<void>): Promise<void> =>
  orWarn(screen, write, (why) => ({
    en: `How it ended could not be written down: ${why.en}`,
    zh: `未能记录运行结果: ${why.zh}`,
  }));

/** @param of what, where it is not this run. */
function sayTold({ screen }: Ops, all: readonly Told[], of: Text = same('')): void {
  for (const { to, failure } of all) {
    if (failure === undefined) continue;
    screen.show({
      event: 'warning',
      text: { en: `${to} could not be told: ${failure.en}`, zh: `未能通知 ${to}: ${failure.zh}` },
      fix: same(`${SCRIPTS}notify.ts test`),
    });
  }
  const reached = all
    .filter((told) => told.failure === undefined && !told.to.startsWith('ping.'))
    .map((told) => told.to);
  if (reached.length === 0) return;
  const names = reached.join(', ');
  screen.show({ event: 'info', text: { en: `Alerted${of.en}: ${names}`, zh: `已通知${of.zh}: ${names}` } });
}
