import { z } from 'zod';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import { agent } from '../app/agent.ts';
import { findPrograms } from '../app/programs.ts';

/** What is under way may take so long; gunicorn gives a request as much. */
export const DRAIN_SECONDS = 30;

const answer = z.object({
  /** Nothing was connected any more in time. */
  drained: z.boolean(),
  /** Connections that were still there. */
  left: z.int(),
  /** The scheduler and other programs ended by themselves. */
  ended: z.boolean(),
  seconds: z.number(),
});

export type Drained = z.infer<typeof answer>;

/**
 * Has a container that nobody new is sent to finish what it is at.
 *
 * @param ports its own, of which connections are waited for.
 * @returns undefined where it could not be asked: then an ordinary stop, which waits for everything, has to do.
 */
export async function drain(ops: Ops, container: string, ports: readonly number[]): Promise<Drained | undefined> {
  try {
    const stop = await programsBeside(ops, container);
    return await agent(ops, container, 'drain', {
      effect: 'change',
      args: { ports, seconds: DRAIN_SECONDS, stop },
      answer,
      deadlineMs: (DRAIN_SECONDS + 30) * 1000,
    });
  } catch (error) {
    if (!(error instanceof OpsError) || error.kind === 'interrupted') throw error;
    ops.screen.show({ event: 'warning', text: error.what });
    return undefined;
  }
}

/** Names of those that have work of their own: the scheduler, a queue's worker. */
async function programsBeside(ops: Ops, container: string): Promise<string[]> {
  const { scheduler, others } = await findPrograms(ops, container);
  return [...(scheduler ? [scheduler] : []), ...others].map((p) => p.name);
}

/** What was not waited for; nothing when all ended well. */
export function drainText({ drained, left, ended }: Drained): Text | undefined {
  if (!drained) {
    return {
      en: `${left} connections were still under way after ${DRAIN_SECONDS} s; they are cut`,
      zh: `${DRAIN_SECONDS} 秒后仍有 ${left} 个连接未结束, 将被切断`,
    };
  }
  if (ended) return undefined;
  return {
    en: 'the scheduler did not end in time; a job that is under way is cut',
    zh: '定时任务未能及时结束, 正在执行的任务将被中断',
  };
}
