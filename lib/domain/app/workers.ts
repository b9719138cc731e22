import { z } from 'zod';
import type { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { failed } from '../../core/refusal.ts';
import { ask, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { exec } from '../../tools/docker/docker.ts';
import { agent } from './agent.ts';
import { isGunicorn, listPrograms, type Program, restartSeconds } from './programs.ts';
import { dropsWhenLeaving, leaveSeconds, silentAfter } from './recycling.ts';

const answer = z.object({
  /** The master's start, seconds since the machine's; null when it is gone. */
  master: z.number().nullable(),
  workers: z.array(
    z.object({
      pid: z.int(),
      start: z.number(),
      /**
       * `hung`: it has served, and gives no sign of life: its master will kill it. `leaving`: it has served its last request, and the
       * master makes another when it is gone.
       */
      state: z.enum(['booting', 'serving', 'hung', 'leaving']),
    }),
  ),
  /** Now, on the same scale. */
  uptime: z.number(),
  /** The master's start when the look began. */
  before: z.number().nullable(),
  /** Workers that others are to come for, or that were waited for to go. */
  old: z.array(z.int()),
});

/** A gunicorn master and its workers, oldest first. */
export type Workers = z.infer<typeof answer>;

/** What the script takes at most to find a moment in which workers hold no connection, and to have them told. */
const EMPTY_SECONDS = 20;

interface Deed {
  /** The master that is meant, by its start; another one is left alone. */
  readonly before?: number;
  /**
   * Has the master start workers, as many as `wanted`: TTIN beside those from before `since` (seconds since the machine's start), TERM in
   * place of each of them, HUP for all.
   */
  readonly bring?: { readonly by: 'TTIN' | 'TERM'; readonly since: number } | { readonly by: 'HUP' };
  /** Sent to the master so many times. */
  readonly signal?: readonly ['TTOU', times: number] | undefined;
  /** Wait until so many that are not old serve; without it, until all of the old ones are gone. */
  readonly wanted?: number;
  /** Wait until every worker serves that does not hang. */
  readonly settled?: true;
  /** Seconds without a sign of life after which a worker counts as hung; without it none does. */
  readonly silent?: number | undefined;
  readonly old?: readonly number[];
  /** Workers that are told to end would close connections that they have taken. */
  readonly drops?: boolean;
  readonly seconds: number;
}

/**
 * Looks at a program's workers; if asked to, does something and waits until something is so. The caller sees from the answer whether it is.
 */
export async function lookAtWorkers(ops: Ops, container: string, master: number, deed?: Deed): Promise<Workers> {
  const look = (args: Partial<Deed>, interruptible: boolean) => {
    const deadlineMs = ((args.seconds ?? 0) + (args.drops ? EMPTY_SECONDS : 0) + 15) * 1000;
    const effect = args.bring || args.signal ? 'change' : 'read';
    return agent(ops, container, 'workers', { effect, args: { master, ...args }, answer, deadlineMs, interruptible });
  };
  const { bring, signal, drops, ...waiting } = deed ?? {};
  if (signal === undefined && !(drops && bring)) return look(deed ?? {}, true);
  // The agent may wait for seconds before it gives the signal: an undoing that has begun must not meet it.
  const { before, old } = await look({ ...deed, seconds: 0 }, false);
  return look({ ...waiting, ...(before === null ? {} : { before }), old }, true);
}

/**
 * Replaces a gunicorn's workers by ones that were started after `since`, without a moment in which fewer serve: as many again are
 * added (TTIN), and when they have booted, the oldest are taken away (TTOU), each after its last request, or when gunicorn kills it because
 * it hangs. Workers from before that have not come to serve are killed, unless nobody serves, and those that are leaving let go; the
 * master starts others in their place. Also finishes a replacement that was cut short.
 *
 * @param of.wanted how many workers there are to be.
 * @param of.since seconds since the machine's start.
 * @throws {OpsError} `failed` when the master ended or the new workers did not boot in time; the old ones still serve then,
 *   unless it was the master that ended.
 */
export async function replaceWorkers(
  ops: Ops,
  container: string,
  web: Program,
  { wanted, since }: { readonly wanted: number; readonly since: number },
): Promise<void> {
  const master = { ops, container, web };
  const now = await bringNew(master, wanted, { by: 'TTIN', since });
  const surplus = now.workers.length - wanted;
  await waitForLeave(master, now, surplus > 0 ? ['TTOU', surplus] : undefined);
}

/**
 * Has the master read its configuration again (SIGHUP). Requests wait while the new workers load the application.
 *
 * @param wanted how many workers the configuration asks for.
 * @throws {OpsError} as {@link replaceWorkers}.
 */
export async function reloadWorkers(ops: Ops, container: string, web: Program, wanted: number): Promise<void> {
  const master = { ops, container, web };
  await waitForLeave(master, await bringNew(master, wanted, { by: 'HUP' }));
}

/**
 * Replaces the workers of a program of which there must never be two, such as the scheduler's: each is told to end (TERM) after its last
 * request and what else it is at, for which it has gunicorn's `timeout`; the master, which keeps the socket, starts another in its place.
 * Requests wait in the socket's backlog meanwhile.
 *
 * @throws {OpsError} as {@link replaceWorkers}.
 */
export async function succeedWorkers(ops: Ops, container: string, program: Program, since: number): Promise<void> {
  const { workers } = await lookAtWorkers(ops, container, program.pid, { seconds: 0 });
  if (workers.every((w) => w.start > since) && workers.length > 0) return;
  // The next one boots when it is gone: what hangs, or is at a job, goes at the latest when the master kills it.
  const seconds = ops.target.bootSeconds + leaveSeconds(program);
  const master = { ops, container, web: program };
  await bringNew(master, Math.max(workers.length, 1), { by: 'TERM', since }, seconds);
}

/**
 * Waits until every worker serves, as long as a boot may take: one that boots while files change would read some of both, and one that leaves
 * is soon such a one. gunicorn replaces its workers after `max_requests` whenever that comes.
 *
 * @throws {OpsError} `failed` when nobody serves even then: whoever is nearest to it is not to be disturbed.
 */
export async function waitUntilSettled(ops: Ops, container: string, program: Program): Promise<void> {
  const silent = silentAfter(program);
  const seconds = ops.target.bootSeconds;
  const { workers } = await lookAtWorkers(ops, container, program.pid, { settled: true, silent, seconds });
  if (!workers.some((w) => w.state === 'serving')) throw nobodyServes(program, workers);
}

interface Master {
  readonly ops: Ops;
  readonly container: string;
  readonly web: Program;
}

async function bringNew(
  master: Master,
  wanted: number,
  bring: NonNullable<Deed['bring']>,
  seconds = master.ops.target.bootSeconds,
): Promise<Workers> {
  const { ops, container, web } = master;
  const [drops, silent] = [dropsWhenLeaving(web), silentAfter(web)];
  const now = await lookAtWorkers(ops, container, web.pid, { bring, wanted, drops, silent, seconds });
  if (now.before === null || now.master !== now.before) throw await masterEnded(master);
  const booted = now.workers.filter((w) => w.state === 'serving' && !now.old.includes(w.pid)).length;
  if (booted < wanted) throw await notBooted(master, booted, wanted, seconds);
  return now;
}

async function waitForLeave(of: Master, { master, old }: Workers, signal?: Deed['signal']): Promise<void> {
  const { ops, container, web } = of;
  const before = master === null ? {} : { before: master };
  const [drops, silent, seconds] = [dropsWhenLeaving(web), silentAfter(web), leaveSeconds(web)];
  const began = ops.clock.monotonic();
  const now = await lookAtWorkers(ops, container, web.pid, { ...before, old, signal, drops, silent, seconds });
  if (now.master !== master) throw await masterEnded(of);
  const staying = now.workers.filter((w) => old.includes(w.pid));
  if (staying.length > 0) throw notLeft(web, staying, seconds);
  const { graceful_timeout = 30 } = web.settings ?? {};
  if (ops.clock.monotonic() - began < graceful_timeout * 1000) return;
  const said = await logOf(ops, container, 200);
  const cut = old.filter((pid) => new RegExp(`Worker graceful timeout \\(pid: ?${pid}\\)`).test(said));
  if (cut.length > 0) ops.screen.show({ event: 'warning', text: wereCut(cut, graceful_timeout) });
}

const wereCut = (pids: readonly number[], seconds: number): Text => ({
  en: `Workers ${pids.join(', ')} were told to end and were still at something after graceful_timeout (${seconds} s): gunicorn cut it.`,
  zh: `worker ${pids.join(', ')} 收到退出通知后, 超过 graceful_timeout (${seconds} 秒) 仍有请求未完成, 已被 gunicorn 中断.`,
});

type Former = Pick<Program, 'name' | 'ports' | 'stopSeconds' | 'startSeconds'>;

/** Restarts a program through supervisord, which gives it as long to end as its configuration says, and waits as {@link waitUntilRuns}. @param former as it was. */
export async function restartProgram(ops: Ops, container: string, former: Former): Promise<void> {
  const { name } = former;
  const restart = exec('change', container, ['supervisorctl', 'restart', name], {
    deadlineMs: restartSeconds(former) * 1000,
  });
  await run(ops, restart, [0, 1, 7]); // what counts is what runs afterwards
  await waitUntilRuns(ops, container, former);
}

/**
 * Waits until a program that was started runs, listens if it did before, and, if it is a gunicorn, a worker serves. On which port is for its
 * configuration to say, which may be another.
 */
export async function waitUntilRuns(ops: Ops, container: string, { name, ports }: Former): Promise<void> {
  let state = '?';
  const runs = await poll(ops, { everyMs: 250, forMs: ops.target.bootSeconds * 1000 }, async () => {
    const program = (await listPrograms(ops, container)).find((p) => p.name === name);
    state = program?.state ?? '?';
    if (program?.state !== 'RUNNING') return state === 'FATAL' ? false : undefined;
    if (ports.length > 0 && program.ports.length === 0) return undefined;
    if (!isGunicorn(program)) return true;
    const { workers } = await lookAtWorkers(ops, container, program.pid, { wanted: 1, seconds: 2 });
    return workers.some((w) => w.state === 'serving') || undefined;
  });
  if (!runs) throw notRunning(name, state);
}

async function logOf(ops: Ops, container: string, lines: number): Promise<string> {
  const log = `${ops.target.app.userdata}/logs/gunicorn_error.log`;
  return ask(ops, exec('read', container, ['tail', '-n', String(lines), log]), [0, 1]).catch(() => '');
}

/** The end of the web program's log; where another one's is, its configuration says. */
async function lastWords({ ops, container, web }: Master): Promise<string> {
  if (!web.ports.includes(ops.target.ports.direct)) return '';
  return `\n${printable(ops.secrets.redact(await logOf(ops, container, 15)))}`;
}

const LOGS: Text = {
  en: 'What it said, with all other logs by time: npx tsx scripts/adhoc/tail-logs.ts',
  zh: '按时间查看全部日志: npx tsx scripts/adhoc/tail-logs.ts',
};

async function masterEnded(master: Master): Promise<OpsError> {
  const [{ name }, words] = [master.web, await lastWords(master)];
  return failed(
    {
      en: `The program ${name} ended while its workers were being replaced.${words}`,
      zh: `替换 worker 期间程序 ${name} 退出.${words}`,
    },
    LOGS,
  );
}

async function notBooted(master: Master, booted: number, wanted: number, seconds: number): Promise<OpsError> {
  const [{ name }, words] = [master.web, await lastWords(master)];
  return failed(
    {
      en: `Of ${name}'s new workers ${booted} of ${wanted} began to serve within ${seconds} s.${words}`,
      zh: `${name} 的新 worker 在 ${seconds} 秒内只有 ${booted}/${wanted} 个开始服务.${words}`,
    },
    LOGS,
  );
}

function notLeft({ name }: Program, staying: Workers['workers'], seconds: number): OpsError {
  const hung = staying.filter((w) => w.state === 'hung').length;
  return failed({
    en: `After ${seconds} s ${staying.length} old workers of ${name} have not left: ${staying.length - hung} have requests under way, ${hung} hang.`,
    zh: `${seconds} 秒后 ${name} 仍有 ${staying.length} 个旧 worker 未退出: ${staying.length - hung} 个仍在处理请求, ${hung} 个已卡死.`,
  });
}

function nobodyServes({ name }: Program, workers: Workers['workers']): OpsError {
  const count = (state: string) => workers.filter((w) => w.state === state).length;
  return failed({
    en: `No worker of ${name} serves: ${count('booting')} boot, ${count('hung')} hang, ${count('leaving')} are leaving.`,
    zh: `${name} 没有可用的 worker: ${count('booting')} 个启动中, ${count('hung')} 个已卡死, ${count('leaving')} 个正在退出.`,
  });
}

const notRunning = (name: string, state: string) =>
  failed(
    {
      en: `The program ${name} does not run (supervisord says ${state}).`,
      zh: `程序 ${name} 未能运行 (supervisord 状态: ${state}).`,
    },
    LOGS,
  );
