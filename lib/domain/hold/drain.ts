import { z } from 'zod';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import { agent } from '../app/agent.ts';
import { findPrograms, type Program } from '../app/programs.ts';
import type { HeldPort } from './ports.ts';
import { socketsAt } from './sockets.ts';

const PROXY_MS = 10_000;
const POLL_MS = 100;

const answer = z.object({
  /** Nothing was connected any more in time. */
  drained: z.boolean(),
  /** Connections that were still there. */
  left: z.int(),
  /** The scheduler and other programs have ended: to stop the container at once cuts nothing. */
  ended: z.boolean(),
  /** Names of those that supervisord had killed, because they took longer than it gives them. */
  killed: z.array(z.string()),
});

export type Drained = z.infer<typeof answer>;

interface Draining {
  readonly held: readonly HeldPort[];
  /** That it takes at most. */
  readonly seconds: number;
  /** They alone end, and start again; all else goes on. */
  readonly restarted?: readonly Program[] | undefined;
  /** Those that {@link programsBeside} found before anybody waited. */
  readonly beside?: readonly Program[] | undefined;
}

/**
 * Waits until a container to which nobody new is sent has finished what it is at, and has its programs end.
 *
 * @returns undefined where it could not be asked: then an ordinary stop, which waits for everything, has to do.
 */
export async function drain(
  ops: Ops,
  container: string,
  { held, seconds, restarted, beside }: Draining,
): Promise<Drained | undefined> {
  const published = held.map((p) => p.published);
  const ports = restarted ? restarted.flatMap((p) => p.ports) : held.map((p) => p.target);
  const stop = restarted ?? beside ?? (await unlessImpossible(ops, programsBeside(ops, container)));
  // Who was led to the engine's proxy before the hold, and is on the way into the container only now.
  await until(ops, 2, async () => (await socketsAt(ops, published)).queued === 0);
  const drained = await unlessImpossible(
    ops,
    agent(ops, container, 'drain', {
      effect: 'change',
      args: {
        ports,
        seconds,
        stop: (stop ?? []).map(({ name, pid }) => ({ name, pid })),
        restarted: restarted !== undefined,
      },
      answer,
      deadlineMs: (seconds + (restarted ? 90 : 30)) * 1000,
    }),
  );
  // What the proxy still has to hand on goes with the container.
  if (drained?.drained && !restarted) await until(ops, 1, async () => (await socketsAt(ops, published)).open === 0);
  return drained && { ...drained, ended: drained.ended && stop !== undefined };
}

/** Looks until it is so several times in a row, for some seconds at most. */
async function until(ops: Ops, times: number, isSo: () => Promise<boolean>): Promise<void> {
  const end = ops.clock.monotonic() + PROXY_MS;
  for (let so = 0; ops.clock.monotonic() < end; ) {
    so = (await isSo()) ? so + 1 : 0;
    if (so === times) return;
    await ops.clock.sleep(POLL_MS, ops.signal);
  }
}

/** Those that have work of their own: the scheduler, a queue's worker. */
export async function programsBeside(ops: Ops, container: string): Promise<readonly Program[]> {
  const { scheduler, others } = await findPrograms(ops, container);
  return [...(scheduler ? [scheduler] : []), ...others];
}

async function unlessImpossible<T>(ops: Ops, deed: Promise<T>): Promise<T | undefined> {
  try {
    return await deed;
  } catch (error) {
    if (!(error instanceof OpsError) || error.kind === 'interrupted') throw error;
    ops.screen.show({ event: 'warning', text: error.what });
    return undefined;
  }
}

/** What was cut; nothing when all ended well. */
export const drainTexts = ({ drained, left, killed }: Drained, seconds: number): Text[] => [
  ...(drained
    ? []
    : [
        {
          en: `${left} connections were still under way after ${seconds} s; they are cut`,
          zh: `${seconds} 秒后仍有 ${left} 个连接未结束, 将被切断`,
        },
      ]),
  ...killed.map((name) => ({
    en: `${name} did not end within its stopwaitsecs, and supervisord killed it: what it was at was cut`,
    zh: `${name} 未能在 stopwaitsecs 内结束, 已被 supervisord 强制终止: 正在执行的任务被中断`,
  })),
];
