import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { notProved } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import { printable, type Text } from '../../core/text.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { exec } from '../../tools/docker/docker.ts';
import { startProbe } from '../../tools/http/probe.ts';
import { endpointsOf } from '../app/endpoints.ts';
import { describeHealth, type Health, healthCheck, waitForHealth } from '../app/health.ts';
import { lookAround } from '../app/inventory.ts';
import { cutJobs, cutTexts } from '../app/jobs.ts';
import { failedSince, findPrograms, isGunicorn, type Programs, stillDown } from '../app/programs.ts';
import { requireRoutes } from '../app/routes.ts';
import { lookAtWorkers } from '../app/workers.ts';
import { hiddenText } from '../release/hidden.ts';
import { type Deviation, deviation, expectedFiles } from './files-in-place.ts';
import type { HotRelease } from './hot-release.ts';

const SOAK_EVERY_MS = 1_000;
/** A while for what starts last, such as the engine's own opinion after a restart. */
const HEALTHY_MS = 30_000;
const RECYCLED_MS = 5_000;
/** Of a log in which the application may write, too. */
const LOG_BYTES = '200000';

export interface Proven {
  readonly health: Health;
  readonly workers: readonly number[];
  /** What is not well, not released or not known all the same. */
  readonly besides: readonly Text[];
}

export function proveStep(update: HotRelease): Step<Proven, [number]> {
  const { health } = update.target;
  const seconds = update.options.soakMs / 1000;
  return {
    id: 'prove',
    title: { en: 'Prove it', zh: '逐项验证' },
    risk: 'none',
    commands: [
      { en: 'every file is the commit’s, every worker is new', zh: '所有文件与提交一致, 所有 worker 均为新进程' },
      {
        en: `GET ${health.basic}, ${health.deep[0]}; for ${seconds} s`,
        zh: `GET ${health.basic}, ${health.deep[0]}; 持续 ${seconds} 秒`,
      },
    ],
    seconds: Math.ceil(seconds) + 1,
    run: (ops, since) => prove(ops, update, since),
    evidence: ({ health }) => describeHealth(health),
  };
}

/**
 * The evidence at the end of a hot update, all of it asked of the running container: its files are the commit's, every worker was
 * started after them, both health checks are strict and good, and stay so.
 *
 * @param since when the files were in place, seconds since the machine's start.
 * @throws {OpsError} the first thing that is not as it should be.
 */
async function prove(ops: Ops, { facts, options, workers: wanted = 1 }: HotRelease, since: number): Promise<Proven> {
  const app = await inspectContainer(ops, facts.app.id);
  const health = await waitForHealth(ops, endpointsOf(ops.target, app), app, { deadlineMs: HEALTHY_MS, times: 2 });
  const [programs, { marker, files }] = await Promise.all([findPrograms(ops, app.id), lookAround(ops, app.id, [])]);
  if (marker?.commit !== facts.source.commit)
    throw notProved({ en: `the container says commit ${marker?.commit}`, zh: `容器中的提交为 ${marker?.commit}` });
  const deviates = deviation(ops.target, facts, files, expectedFiles(ops.target, facts));
  throwIfOther(deviates);
  const routes = await requireRoutes(ops, app, facts.served, { mayDrop: false });
  const workers = await allNew(ops, app.id, programs, { since, wanted });
  throwIfStopped(facts.programs, programs);
  // By the processes as they are at this moment: what the new ones begin is not cut.
  const cut = await cutJobs(ops, facts.database, facts.jobs, await findPrograms(ops, app.id));
  const soaked = options.soakMs > 0 ? await soak(ops, app, programs, options.soakMs) : undefined;
  const down = stillDown(programs.all, facts.programs.all);
  const hidden = facts.hidden.map(hiddenText);
  const besides = [...routes, ...down, ...hidden, ...cutTexts(cut), ...deviates.besides];
  return { health: soaked ?? health, workers, besides };
}

function throwIfOther({ wrong }: Deviation): void {
  if (wrong.length === 0) return;
  const some = wrong.slice(0, 5).map(printable).join(', ');
  throw notProved({
    en: `${wrong.length} files in the container are not the commit's: ${some}`,
    zh: `容器中有 ${wrong.length} 个文件与提交不一致: ${some}`,
  });
}

/** What ran before runs, unless supervisord's configuration has it no more, and what is new can. */
function throwIfStopped(before: Programs, now: Programs): void {
  const [failed] = stillDown(failedSince(now.all, before.all), before.all);
  if (failed) throw notProved(failed);
  for (const { name } of before.all.filter((p) => p.state === 'RUNNING')) {
    const state = now.all.find((p) => p.name === name)?.state;
    if (state !== undefined && state !== 'RUNNING')
      throw notProved({ en: `${name} is ${state}`, zh: `程序 ${name} 状态为 ${state}` });
  }
}

async function allNew(ops: Ops, container: string, programs: Programs, renewed: { since: number; wanted: number }) {
  const { since, wanted } = renewed;
  // Between the end of one that was recycled and the start of the next there is a moment without.
  const workers = await poll(ops, { everyMs: 250, forMs: RECYCLED_MS }, async () => {
    const now = (await lookAtWorkers(ops, container, programs.web.pid)).workers;
    return now.length < wanted ? undefined : now;
  });
  if (workers === undefined)
    throw notProved({ en: `fewer than ${wanted} workers run`, zh: `运行中的 worker 不足 ${wanted} 个` });
  const old = workers.filter((w) => w.start <= since);
  if (old.length > 0)
    throw notProved({
      en: `${old.length} workers still run the old code`,
      zh: `仍有 ${old.length} 个 worker 运行旧代码`,
    });
  for (const program of programs.companions) {
    const own = isGunicorn(program) ? (await lookAtWorkers(ops, container, program.pid)).workers : [];
    if (own.length > 0 ? own.every((w) => w.start > since) : program.start > since) continue;
    throw notProved({ en: `${program.name} still runs the old code`, zh: `${program.name} 仍在运行旧代码` });
  }
  return workers.map((w) => w.pid);
}

/** Watches for a while: no worker may be replaced for another reason than its age, and no request may fail. */
async function soak(ops: Ops, app: Container, programs: Programs, milliseconds: number): Promise<Health> {
  const endpoints = endpointsOf(ops.target, app);
  const probe = startProbe(ops, endpoints.nginx + ops.target.health.basic, { perSecond: 5 });
  const end = ops.clock.monotonic() + milliseconds;
  let pids = await pidsOf(ops, app, programs);
  let health: Health;
  try {
    for (;;) {
      await ops.clock.sleep(Math.min(SOAK_EVERY_MS, Math.max(end - ops.clock.monotonic(), 0)), ops.signal);
      const now = await pidsOf(ops, app, programs);
      for (const pid of pids.filter((p) => !now.includes(p))) await throwIfDied(ops, app, programs, pid);
      pids = now;
      health = await healthCheck(ops, endpoints);
      if (!health.healthy) throw notProved(describeHealth(health));
      if (ops.clock.monotonic() >= end) break;
    }
  } finally {
    // Nobody waits for it: what comes now is the undoing, which it is not to count.
    void probe.stop();
  }
  const { failed, sent } = await probe.stop();
  if (failed > 0)
    throw notProved({
      en: `${failed} of ${sent} requests failed afterwards`,
      zh: `切换后 ${sent} 个请求中有 ${failed} 个失败`,
    });
  return health;
}

async function pidsOf(ops: Ops, app: Container, { web }: Programs): Promise<number[]> {
  const { master, workers } = await lookAtWorkers(ops, app.id, web.pid);
  if (master === null) throw notProved({ en: `${web.name} ended`, zh: `${web.name} 已退出` });
  return workers.filter((w) => w.state !== 'leaving').map((w) => w.pid);
}

async function throwIfDied(ops: Ops, app: Container, { web }: Programs, pid: number): Promise<void> {
  const log = `${ops.target.app.userdata}/logs/gunicorn_error.log`;
  const { exitCode, stdout: tail } = await run(ops, exec('read', app.id, ['tail', '-c', LOG_BYTES, log]), [0, 1]);
  if (exitCode !== 0) return; // it has its log elsewhere: how that worker ended is not known
  const quiet = /^(warning|error|critical)$/i.test(web.settings?.loglevel ?? '');
  if (endedWell(tail, pid, quiet)) return;
  throw notProved({ en: `worker ${pid} died`, zh: `worker ${pid} 异常退出` });
}

/**
 * Whether a worker that is gone was told to go, by `max_requests` or its master; so it counts where a log tells of no worker at all (rotated, or
 * another's).
 *
 * @param log the end of gunicorn's, as versions 20 to 26 write it.
 * @param quiet it has warnings and worse only: then it tells of deaths, and of nothing else.
 */
export function endedWell(log: string, pid: number, quiet: boolean): boolean {
  const died = [
    `WORKER TIMEOUT \\(pid:${pid}\\)`,
    `Worker \\(pid:${pid}\\) (was sent (?!SIGTERM)|exited)`,
    `Worker with pid ${pid} was terminated due to signal (?!15)`,
    `\\[${pid}\\] \\[ERROR\\] Exception in worker process`,
  ];
  if (new RegExp(died.join('|')).test(log)) return false;
  return quiet || log.includes(`Worker exiting (pid: ${pid})`) || !/\[INFO\] (Booting worker|Worker exiting)/.test(log);
}
