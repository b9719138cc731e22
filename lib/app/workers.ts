import { z } from 'zod';
import { OpsError } from '../errors.ts';
import { exec } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { ask, run } from '../host/run.ts';
import { printable } from '../text.ts';
import { agent } from './agent.ts';
import { listPrograms, type Program } from './programs.ts';

const answer = z.object({
  /** The master's start, seconds since the machine's; null when it is gone. */
  master: z.number().nullable(),
  workers: z.array(z.object({ pid: z.int(), start: z.number(), booted: z.boolean() })),
  /** Now, on the same scale. */
  uptime: z.number(),
});

/** A gunicorn master and its workers, oldest first. */
export type Workers = z.infer<typeof answer>;

/** Longer than gunicorn's own graceful time, so that requests under way can end. */
const LEAVE_SECONDS = 45;

type Signal = 'TTIN' | 'TTOU' | 'HUP';

interface Until {
  readonly masterStart?: number;
  readonly old?: readonly number[];
  /** Wait until so many that are not in `old` serve; without it, until all of `old` are gone. */
  readonly booted?: number;
  readonly seconds: number;
  /** To the master, so many times, before that. */
  readonly signal?: readonly [Signal, times: number] | undefined;
}

/** Looks at a program's workers, if asked for until something is so; the caller sees from the answer whether it is. */
export async function lookAtWorkers(ops: Ops, container: string, master: number, until?: Until): Promise<Workers> {
  const args = { master, ...until };
  const deadlineMs = ((until?.seconds ?? 0) + 15) * 1000;
  const effect = until?.signal ? 'change' : 'read';
  return agent(ops, container, 'workers', { effect, args, answer, deadlineMs, interruptible: true });
}

/**
 * Replaces a gunicorn's workers by ones that were started after `since`, without a moment in which fewer serve: as many again are
 * added (TTIN), and when they have booted, the oldest are taken away (TTOU), each after its last request. Workers from before
 * that never got to serve are killed; the master starts others in their place. Also finishes a replacement that was cut short.
 *
 * @param wanted how many workers there are to be.
 * @param since seconds since the machine's start.
 * @throws {OpsError} `failed` when the master ended or the new workers did not boot in time; the old ones still serve then,
 *   unless it was the master that ended.
 */
export async function replaceWorkers(
  ops: Ops,
  container: string,
  web: Program,
  wanted: number,
  since: number,
): Promise<void> {
  const master = { ops, container, web };
  const before = await look(master);
  const hung = before.workers.filter((w) => !w.booted && w.start < since);
  if (hung.length > 0) await kill(master, pids(hung));
  const old = pids(before.workers.filter((w) => w.booted && w.start < since));
  const fresh = before.workers.length - old.length; // those that were killed are started again
  const add: Until['signal'] = old.length > 0 && fresh < wanted ? ['TTIN', wanted - fresh] : undefined;
  const { workers } = await waitForNew(master, before, old, wanted, add);
  await waitForLeave(master, before, old, workers.length > wanted ? ['TTOU', workers.length - wanted] : undefined);
}

/**
 * Has the master read its configuration again (SIGHUP). Requests wait while the new workers load the application.
 *
 * @param wanted how many workers the configuration asks for.
 * @throws {OpsError} as {@link replaceWorkers}.
 */
export async function reloadWorkers(ops: Ops, container: string, web: Program, wanted: number): Promise<void> {
  const master = { ops, container, web };
  const before = await look(master);
  await waitForNew(master, before, pids(before.workers), wanted, ['HUP', 1]);
  await waitForLeave(master, before, pids(before.workers));
}

interface Master {
  readonly ops: Ops;
  readonly container: string;
  readonly web: Program;
}

const pids = (workers: Workers['workers']) => workers.map((w) => w.pid);

async function look({ ops, container, web }: Master): Promise<Workers> {
  const now = await lookAtWorkers(ops, container, web.pid);
  if (now.master === null) throw await masterEnded(ops, container, web);
  return now;
}

async function waitForNew(
  { ops, container, web }: Master,
  before: Workers,
  old: readonly number[],
  wanted: number,
  signal: Until['signal'],
): Promise<Workers> {
  const until = { ...sameMaster(before), old, booted: wanted, seconds: ops.target.bootSeconds, signal };
  const now = await lookAtWorkers(ops, container, web.pid, until);
  if (now.master !== before.master) throw await masterEnded(ops, container, web);
  const booted = now.workers.filter((w) => w.booted && !old.includes(w.pid)).length;
  if (booted < wanted) throw await notBooted(ops, container, web, booted, wanted);
  return now;
}

async function waitForLeave(
  { ops, container, web }: Master,
  before: Workers,
  old: readonly number[],
  signal?: Until['signal'],
): Promise<void> {
  const until = { ...sameMaster(before), old, seconds: LEAVE_SECONDS, signal };
  const now = await lookAtWorkers(ops, container, web.pid, until);
  if (now.master !== before.master) throw await masterEnded(ops, container, web);
  const staying = now.workers.filter((w) => old.includes(w.pid)).length;
  if (staying > 0) throw notLeft(web, staying);
}

const sameMaster = ({ master }: Workers) => (master === null ? {} : { masterStart: master });

/** Restarts a program through supervisord and waits until its workers serve. */
export async function restartProgram(ops: Ops, container: string, name: string): Promise<Workers> {
  const restart = exec('change', container, ['supervisorctl', 'restart', name], { deadlineMs: 90_000 });
  await run(ops, restart, [0, 1, 7]); // what counts is what runs afterwards
  const end = ops.clock.monotonic() + ops.target.bootSeconds * 1000;
  for (;;) {
    const all = await listPrograms(ops, container);
    const program = all.find((p) => p.name === name);
    if (program?.state === 'RUNNING') {
      const workers = await lookAtWorkers(ops, container, program.pid, { booted: 1, seconds: 2 });
      if (workers.workers.some((w) => w.booted)) return workers;
    }
    if (program?.state === 'FATAL' || ops.clock.monotonic() > end) throw notRunning(name, program?.state ?? '?');
    await ops.clock.sleep(250, ops.signal);
  }
}

const KILL = 'for pid; do kill -s KILL "$pid" 2>/dev/null || :; done';

const kill = ({ ops, container }: Master, workers: readonly number[]) =>
  run(ops, exec('change', container, ['sh', '-c', KILL, 'kill', ...workers.map(String)]));

async function lastWords(ops: Ops, container: string): Promise<string> {
  const log = `${ops.target.app.userdata}/logs/gunicorn_error.log`;
  const tail = exec('read', container, ['tail', '-n', '15', log]);
  return printable(ops.secrets.redact(await ask(ops, tail, [0, 1]).catch(() => '')));
}

const masterEnded = async (ops: Ops, container: string, web: Program) => {
  const words = await lastWords(ops, container);
  return new OpsError({
    kind: 'failed',
    what: {
      en: `The program ${web.name} ended while its workers were being replaced.\n${words}`,
      zh: `替换 worker 期间程序 ${web.name} 退出.\n${words}`,
    },
  });
};

const notBooted = async (ops: Ops, container: string, web: Program, booted: number, wanted: number) => {
  const words = await lastWords(ops, container);
  return new OpsError({
    kind: 'failed',
    what: {
      en: `Of ${web.name}'s new workers ${booted} of ${wanted} began to serve within ${ops.target.bootSeconds} s.\n${words}`,
      zh: `${web.name} 的新 worker 在 ${ops.target.bootSeconds} 秒内只有 ${booted}/${wanted} 个开始服务.\n${words}`,
    },
  });
};

const notLeft = (web: Program, staying: number) =>
  new OpsError({
    kind: 'failed',
    what: {
      en: `${staying} old workers of ${web.name} still have requests under way after ${LEAVE_SECONDS} s.`,
      zh: `${web.name} 有 ${staying} 个旧 worker 在 ${LEAVE_SECONDS} 秒后仍在处理请求.`,
    },
  });

const notRunning = (name: string, state: string) =>
  new OpsError({
    kind: 'failed',
    what: {
      en: `The program ${name} does not run (supervisord says ${state}).`,
      zh: `程序 ${name} 未能运行 (supervisord 状态: ${state}).`,
    },
    next: [
      {
        en: `See its log in the container: supervisorctl tail ${name} stderr`,
        zh: `在容器内查看日志: supervisorctl tail ${name} stderr`,
      },
    ],
  });
