import type { Ops } from '../core/ops.ts';
import { late } from '../core/refusal.ts';
import { run } from '../core/run.ts';
import type { Containers } from '../domain/stack/containers.ts';
import type { ServiceRole, Stack } from '../domain/stack/stack.ts';
import type { Container } from '../tools/docker/containers.ts';
import { exec } from '../tools/docker/docker.ts';
import { notRunning } from './errors.ts';
import { type LogLine, lastOf, logsOfContainer } from './logs.ts';

/** What the parts of a handle are made of. */
export interface Context {
  readonly ops: Ops;
  readonly stack: Stack;
  /** As found when the handle was made. */
  readonly containers: Containers;
  /** What a command counts as that nobody can judge: `change` inside a step, which journals it and lets it end; else `read`. */
  readonly effect: 'read' | 'change';
}

export interface ExecOptions {
  /** Milliseconds; default 30 000. The command is ended inside the container, too. */
  readonly deadlineMs?: number;
  /** Exit codes that are answers; default only 0. */
  readonly expect?: readonly number[];
  /** The command's stdin, whole; the way for what others must not see in `ps`. */
  readonly input?: string;
  readonly user?: string;
}

/** One of the stack's containers, and what people ask it. */
export interface Service {
  /** As it was found; `undefined` when there is none. */
  readonly container: Container | undefined;
  /** The engine's word for it, or `missing`. */
  readonly state: Container['state'] | 'missing';
  /** @throws {OpsError} `precondition`: not running. */
  running(): Container;
  /**
   * Runs a program in the container and gives its stdout without the last line end. Words are words: no shell takes them apart.
   *
   * @throws {OpsError} `precondition`: not running; `command`: another exit code; `deadline`.
   */
  exec(argv: readonly [string, ...string[]], options?: ExecOptions): Promise<string>;
  /** The last `lines` (default 100) that the container wrote, oldest first; of a stopped one too, and none of a missing one. */
  logs(lines?: number): Promise<readonly LogLine[]>;
}

const DEADLINE_MS = 30_000;
/** From the end inside to the client's. */
const SPARE_MS = 10_000;
/** timeout(1)'s own. */
const TIMED_OUT = 124;

export function serviceOf(context: Context, role: ServiceRole): Service {
  const { ops, stack, effect } = context;
  const container = context.containers[role];
  const { key } = stack.services[role];
  const running = (): Container => {
    if (container?.state !== 'running') throw notRunning(ops.target, key, container);
    return container;
  };
  return {
    container,
    state: container?.state ?? 'missing',
    running,
    async exec(argv, { deadlineMs = DEADLINE_MS, expect = [0], input, user } = {}) {
      // A client that is killed leaves its command running inside.
      const within = ['timeout', '-k', '5', String(Math.max(1, Math.ceil(deadlineMs / 1000)))];
      const options = {
        deadlineMs: deadlineMs + SPARE_MS,
        ...(input === undefined ? {} : { input }),
        ...(user && { user }),
      };
      const command = exec(effect, running().id, [...within, ...argv], options);
      const { stdout, exitCode } = await run(ops, command, [...expect, TIMED_OUT]);
      if (exitCode === TIMED_OUT && !expect.includes(TIMED_OUT)) throw tooLong(key, argv[0], deadlineMs);
      return stdout.replace(/\n$/, '');
    },
    logs: async (lines = 100) => (container ? lastOf(await logsOfContainer(ops, container, key, lines), lines) : []),
  };
}

const tooLong = (service: string, program: string, deadlineMs: number) =>
  late({
    en: `${program} in ${service}: no end after ${deadlineMs / 1000} s, so it was stopped there.`,
    zh: `${service} 中的 ${program} 超过 ${deadlineMs / 1000} 秒仍未结束, 已在容器内将其终止.`,
  });
