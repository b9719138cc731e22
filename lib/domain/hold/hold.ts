import { allEnded } from '../../core/concurrency.ts';
import { whatHappened } from '../../core/errors.ts';
import { type Ops, uninterruptible } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import type { Program } from '../app/programs.ts';
import { type Doorman, type DoormanState, postDoorman } from './doorman.ts';
import { attachDrainer, type Drained, type Drainer, drainPrograms, drainTexts, sayWhetherKilled } from './drain.ts';
import { type Lease, leaseRules } from './lease.ts';
import { reachedAt } from './ports.ts';
import { commentOf, rulesFor } from './rules.ts';
import type { HoldFacts } from './survey.ts';

/** Beside a program that is restarted everybody waits who wants something else; what it is at has supervisord's time to end besides. */
const RESTARTED_SECONDS = 6;

/** What was passed on may take so long to its end before the doorman goes; longer, as long as one after the other is answered. */
const FINISH_SECONDS = 30;

/**
 * Requests to the application, and whether they wait. One for a run: hold, drain, do it, release; and once more on the way back. Where
 * holding can't be, or was not asked for, each of these does nothing, and requests are refused while nothing serves.
 */
export interface RequestHold {
  /** They wait now: the application's published ports lead to the doorman, and only its container's own address leads to it. */
  readonly holding: boolean;
  /**
   * From here on they wait. Those that are under way end where they began.
   *
   * @param app the container that serves them, and gets them again if this process dies.
   * @param how.isBack on the way back, which goes on all the same where it could not be done, and says so.
   * @param how.drains it is drained next: what that needs is made ready before anybody waits.
   * @throws {CommandError} when it could not be done; they are served as before then.
   */
  begin(ops: Ops, app: Container, how?: HowHeld): Promise<void>;
  /**
   * Waits until a container whose requests are held has finished what it is at, and has it stopped. Should it not be stopped, whatever has
   * ended for it starts again, also when this process is killed.
   *
   * @param stop `atOnce` when that cuts nothing; else it has to be stopped gently.
   */
  drain(ops: Ops, app: Container, stop: (atOnce: boolean) => Promise<unknown>): Promise<void>;
  /**
   * Restarts programs of a container whose requests are held, each once what it is at has ended; all else goes on.
   *
   * @returns whether it could be done.
   */
  restart(ops: Ops, app: Container, programs: readonly Program[]): Promise<boolean>;
  /** What waits goes to this container now, and what comes goes straight to its ports. */
  release(ops: Ops, to: Container | undefined): Promise<void>;
  /** Whoever waits, and comes, gets the page. @throws {CommandError} when the doorman does not answer. */
  turnAway(): Promise<void>;
  /** What the doorman has seen so far; undefined when none stands there. */
  look(): Promise<DoormanState | undefined>;
  /** Nothing is left of it: whatever still waits is let go. Never throws. */
  end(ops: Ops): Promise<void>;
  /** What the doormen saw, once they have ended. */
  readonly seen: Seen;
}

/** Connections of whoever came: visitors, and our own probe. */
export interface Seen {
  readonly held: number;
  readonly turnedAway: number;
  readonly cut: number;
}

export interface HowHeld {
  readonly isBack?: boolean;
  readonly drains?: boolean;
}

interface Held {
  readonly drainer: Drainer | undefined;
  readonly doorman: Doorman;
  readonly lease: Lease;
}

export function requestHold(facts: HoldFacts): RequestHold {
  let now: Held | undefined;
  let count = 0;
  /** Doormen that are not gone yet. */
  let standing = 0;
  /** Rules are one deploy directory's: others are put once the former ones are away. */
  let going = Promise.resolve();
  const finishing: Promise<void>[] = [];
  const seen = { held: 0, turnedAway: 0, cut: 0 };

  const noteWhatItSaw = ({ taken, turnedAway, cut }: DoormanState) => {
    seen.held += taken;
    seen.turnedAway += turnedAway;
    seen.cut += cut;
  };

  /** Requests go past it; it stays until what it has is answered. */
  const dismiss = async (ops: Ops, held: Held, seconds: number): Promise<void> => {
    if (now !== held) return; // it has died meanwhile
    now = undefined;
    const { doorman, drainer, lease } = held;
    await lease.stop();
    void drainer?.close();
    const finish = async () => {
      const state = await doorman.finish(seconds).catch(() => undefined);
      if (state) noteWhatItSaw(state);
      if (state && state.cut > 0) ops.screen.show({ event: 'warning', text: wereCut(state.cut) });
      await doorman.discard();
      standing -= 1;
      if (standing > 0) return; // the rules are another doorman's by now
      going = lease.end();
      await going;
    };
    finishing.push(finish().catch((error) => warn(ops, error)));
  };

  const begin = async (given: Ops, app: Container, drains: boolean): Promise<void> => {
    if (facts.kind === 'plain' || now !== undefined) return;
    const ops = uninterruptible(given);
    given.signal.throwIfAborted();
    const { addresses } = await reachedAt(ops, app.id);
    const home = addresses.find((a) => a.network === facts.network)?.address;
    count += 1;
    // Beside one another: nobody waits as yet.
    const { firewall, bridges, ports, drainAtMost: seconds } = facts;
    const attaching = drains ? attachDrainer(ops, app.id, { held: ports, seconds }) : Promise.resolve(undefined);
    const letGo = async () => (await attaching)?.close();
    const post = { ...facts, imageId: app.imageId, home };
    const doorman = await postDoorman(ops, post, `${app.name}-doorman-${count}`).catch(async (error: unknown) => {
      await letGo();
      throw error;
    });
    const comment = commentOf(ops.paths);
    let lease: Lease;
    standing += 1;
    try {
      await allEnded([going, attaching]);
      lease = await leaseRules(ops, firewall, (until) => rulesFor(ports, doorman.door, { comment, until, bridges }));
    } catch (error) {
      standing -= 1;
      await allEnded([doorman.discard(), letGo()]);
      throw error;
    }
    const held: Held = { drainer: await attaching, doorman, lease };
    now = held;
    // Nobody is to be led to where nobody stands.
    const takeAway = async () => {
      going = lease.end();
      await going;
      ops.screen.show({ event: 'warning', text: DIED });
    };
    void doorman.ended.then(() => {
      if (now !== held) return;
      now = undefined;
      standing -= 1;
      finishing.push(takeAway().catch((error) => warn(ops, error)));
    });
  };

  return {
    seen,
    get holding() {
      return now !== undefined;
    },

    async begin(ops, app, { isBack = false, drains = false } = {}) {
      try {
        await begin(ops, app, drains);
      } catch (error) {
        if (!isBack) throw error;
        warn(ops, error);
      }
    },

    async drain(ops, app, stop) {
      const halt = async (atOnce: boolean) => {
        await stop(atOnce);
        if (!atOnce) await sayWhetherKilled(ops, app);
      };
      if (facts.kind === 'plain' || now === undefined) return halt(false);
      const { ports: held, drainAtMost: seconds } = facts;
      const drainer = now.drainer ?? (await attachDrainer(ops, app.id, { held, seconds }));
      await drainer.drain(ops, (drained) => {
        sayWhatWasCut(ops, drained, seconds);
        return halt(drained?.ended ?? false);
      });
    },

    async restart(ops, app, programs) {
      if (facts.kind === 'plain' || now === undefined) return false;
      const seconds = Math.min(facts.drainAtMost, RESTARTED_SECONDS);
      const drained = await drainPrograms(ops, app.id, { held: facts.ports, seconds, programs });
      sayWhatWasCut(ops, drained, seconds);
      return drained?.ended ?? false;
    },

    async release(given, to) {
      const held = now;
      if (facts.kind === 'plain' || held === undefined) return;
      const ops = uninterruptible(given);
      try {
        const { addresses } = to ? await reachedAt(ops, to.id) : { addresses: [] };
        const there = addresses.find((a) => a.network === facts.network) ?? addresses[0];
        if (there === undefined) await held.doorman.close();
        else await held.doorman.lead(there);
      } catch (error) {
        warn(ops, error);
      }
      await dismiss(ops, held, FINISH_SECONDS);
    },

    async turnAway() {
      await now?.doorman.close();
    },

    async look() {
      return now?.doorman.look();
    },

    async end(given) {
      const ops = uninterruptible(given);
      try {
        const held = now; // it may die meanwhile
        if (held) {
          await held.doorman.close().catch(() => undefined);
          await dismiss(ops, held, 1);
        }
        await Promise.all(finishing);
      } catch (error) {
        warn(ops, error);
      }
    },
  };
}

function sayWhatWasCut(ops: Ops, drained: Drained | undefined, seconds: number): void {
  for (const text of drained ? drainTexts(drained, seconds) : []) ops.screen.show({ event: 'warning', text });
}

const warn = (ops: Ops, error: unknown) => ops.screen.show({ event: 'warning', text: whatHappened(error) });

const wereCut = (count: number): Text => ({
  en: `${count} connections that had been held did not end in time, and were cut.`,
  zh: `${count} 个经暂存转发的连接未能按时结束, 已被切断.`,
});

const DIED: Text = {
  en: 'The program that held requests has ended: they go straight to the published ports again, and are refused while nothing serves there.',
  zh: '暂存请求的程序已退出: 请求恢复直接访问发布端口, 应用未就绪期间会被拒绝.',
};
