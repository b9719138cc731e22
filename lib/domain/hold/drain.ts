import { z } from 'zod';
import { unlessInterrupted } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import type { Attached } from '../../tools/docker/attached.ts';
import { type Container, inspectContainers } from '../../tools/docker/containers.ts';
import { agent, attachAgent } from '../app/agent.ts';
import { findPrograms, type Program, restartSeconds } from '../app/programs.ts';
import type { HeldPort } from './ports.ts';
import { socketsAt } from './sockets.ts';

const PROXY_MS = 10_000;
const POLL_MS = 100;
/** For programs to end before the container does: whatever takes longer is stopped with it, gently. */
const STOP_SECONDS = 5;

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

/** What runs in a container besides the application's web program. */
interface Beside {
  /** Those that have work of their own: the scheduler, a queue's worker. */
  readonly programs: readonly Program[];
  /** Names of those that are an nginx. */
  readonly nginx: readonly string[];
}

interface Draining {
  readonly held: readonly HeldPort[];
  /** That it takes at most. */
  readonly seconds: number;
}

/** Stands ready in a container to drain it. */
export interface Drainer {
  /**
   * Waits until a container to which nobody new is sent has finished what it is at, has its programs end, and has it stopped. Should it not be
   * stopped, whatever has ended for it starts again, also when this process is killed.
   *
   * @param stop gets undefined where the container could not be asked: then an ordinary stop, which waits for everything, has to do.
   */
  drain(ops: Ops, stop: (drained: Drained | undefined) => Promise<unknown>): Promise<void>;
  /** Where it is not to be drained after all: it is as it was. */
  close(): Promise<void>;
}

/** Asks and starts before anybody waits what can be. What can't be is said, and is no reason not to drain. */
export async function attachDrainer(ops: Ops, container: string, { held, seconds }: Draining): Promise<Drainer> {
  const [published, ports] = [held.map((p) => p.published), held.map((p) => p.target)];
  const beside = await unlessImpossible(ops, findBeside(ops, container));
  const those = { stop: stopped(beside?.programs), nginx: beside?.nginx ?? [] };
  const args = { ports, seconds, ...those, restarted: false, stopSeconds: STOP_SECONDS };
  const agent = await unlessImpossible(ops, attachAgent(ops, container, 'drain', { args }));
  return {
    async drain(ops, stop) {
      try {
        await untilInside(ops, published);
        const drained = agent && (await unlessImpossible(ops, hear(agent, (seconds + 30) * 1000)));
        // What the proxy still has to hand on goes with the container.
        if (drained?.drained) await until(ops, 1, async () => (await socketsAt(ops, published)).open === 0);
        await stop(drained && { ...drained, ended: drained.ended && beside !== undefined });
      } catch (error) {
        await agent?.close();
        throw error;
      }
      // It has gone with the container; the engine may take a while to say so.
      void agent?.close();
    },
    close: async () => agent?.close(),
  };
}

const hear = async (agent: Attached, deadlineMs: number): Promise<Drained> =>
  answerOf('drain.py', answer, await agent.ask('drain', deadlineMs));

/**
 * Restarts programs of a container, once nobody is connected to them any more; all else in it goes on.
 *
 * @returns undefined where it could not be asked.
 */
export async function drainPrograms(
  ops: Ops,
  container: string,
  { held, seconds, programs }: Draining & { readonly programs: readonly Program[] },
): Promise<Drained | undefined> {
  const published = held.map((p) => p.published);
  await untilInside(ops, published);
  // One after the other.
  const stopSeconds = programs.reduce((sum, program) => sum + restartSeconds(program), 0);
  const ports = programs.flatMap((p) => p.ports);
  const args = { ports, seconds, stop: stopped(programs), restarted: true, stopSeconds };
  return unlessImpossible(
    ops,
    agent(ops, container, 'drain', { effect: 'change', args, answer, deadlineMs: (seconds + stopSeconds + 30) * 1000 }),
  );
}

const stopped = (programs: readonly Program[] = []) => programs.map(({ name, pid }) => ({ name, pid }));

/** Whoever was led to the engine's proxy before the hold, and is on the way into the container only now. */
const untilInside = (ops: Ops, published: readonly number[]): Promise<void> =>
  until(ops, 2, async () => (await socketsAt(ops, published)).queued === 0);

/** Looks until it is so several times in a row, for some seconds at most. */
async function until(ops: Ops, times: number, isSo: () => Promise<boolean>): Promise<void> {
  const end = ops.clock.monotonic() + PROXY_MS;
  for (let so = 0; ops.clock.monotonic() < end; ) {
    so = (await isSo()) ? so + 1 : 0;
    if (so === times) return;
    await ops.clock.sleep(POLL_MS, ops.signal);
  }
}

async function findBeside(ops: Ops, container: string): Promise<Beside> {
  const { all, companions } = await findPrograms(ops, container);
  const nginx = all.filter(({ argv }) => argv[0]?.startsWith('nginx: master')).map(({ name }) => name);
  return { programs: companions, nginx };
}

const unlessImpossible = <T>({ screen }: Ops, deed: Promise<T>): Promise<T | undefined> =>
  deed.catch(unlessInterrupted(({ what }) => void screen.show({ event: 'warning', text: what })));

/** What the engine's SIGKILL leaves. */
const KILLED = 137;

/** After a stop that was to let all of it end: says whether it did not last for that. @param app as it was before. */
export async function sayWhetherKilled(ops: Ops, app: Pick<Container, 'id' | 'state'>): Promise<void> {
  if (app.state !== 'running') return;
  const stopped = await unlessImpossible(ops, inspectContainers(ops, [app.id]));
  if (stopped?.[0]?.exitCode === KILLED) ops.screen.show({ event: 'warning', text: WAS_KILLED });
}

const WAS_KILLED: Text = {
  en: 'The application’s container did not end in the time that a stop gives it, and the engine killed it: what its programs were still at was cut. Where they need longer: stop_grace_period in the compose file.',
  zh: '应用容器未在停止宽限期内退出, 已被引擎强制终止: 其中程序尚未完成的工作被中断. 若需要更长时间, 请在 compose 文件中设置 stop_grace_period.',
};

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
