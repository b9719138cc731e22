import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { answerOf } from '../../core/tool-output.ts';
import { attachAgent } from './agent.ts';

const answer = z.object({
  /** Processes that stand still; for {@link Freezer.thaw}, those that did until then. */
  frozen: z.int(),
  /** Those that would not in time: in the middle of a system call. */
  moving: z.int(),
});

/**
 * The application's programs, which can be made to stand still: nothing of theirs is written meanwhile, and whoever asks nginx waits. Unlike
 * `docker pause` it leaves the engine's health check alone, which counts a pause as unhealthy (moby: CloseMonitorChannel).
 */
export interface Freezer {
  /** @throws {CommandError} when it could not be done; they go on then. */
  freeze(): Promise<z.infer<typeof answer>>;
  /** They go on; does nothing when they do already. @throws {CommandError} when it could not be done. */
  thaw(): Promise<void>;
  /** They go on, and nothing is left in the container. Never throws. */
  end(): Promise<void>;
}

/**
 * What stands still goes on when this process ends, however it ends, and after 30 s in any case. Only a kill of the program in the container
 * could leave it so: {@link Freezer.thaw} starts another one then.
 *
 * @throws {CommandError} when the container does not run.
 */
export async function bringFreezer(ops: Ops, container: string): Promise<Freezer> {
  const attach = () => attachAgent(ops, container, 'freeze', { user: '0' });
  const attached = await attach();
  const order = async (freeze: boolean, to = attached) =>
    answerOf('freeze.py', answer, await to.ask(JSON.stringify({ freeze })));
  return {
    freeze: () => order(true),
    async thaw() {
      try {
        await order(false);
      } catch {
        const another = await attach();
        await order(false, another).finally(() => another.close());
      }
    },
    end: () => attached.close(),
  };
}
