import type { Ops } from '../../core/ops.ts';
import { notProved } from '../../core/refusal.ts';
import { ifFails, run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { type Container, type Healthcheck, inspectContainers } from '../../tools/docker/containers.ts';
import { exec } from '../../tools/docker/docker.ts';

/** A check may fail for a moment, for instance while the last of its workers is replaced. */
const PASSES_WITHIN_MS = 150_000;
const POLL_MS = 500;

/**
 * Runs the container's own health check, the one that the engine runs every now and then. What the engine says is as old as its last
 * look: half a minute in production, during which an application that serves is still `starting`, or even `unhealthy` if it took
 * long to boot. So the fact counts, and of the engine's opinion only one that is newer.
 *
 * @param app as it was when it was started: a restart since then is an error.
 * @returns the container as it is now, and what is known of its health.
 * @throws {OpsError} when the container ends or is restarted, or its check does not pass.
 */
export async function containerHealth(ops: Ops, app: Container): Promise<{ now: Container; evidence: Text }> {
  const until = ops.clock.monotonic() + PASSES_WITHIN_MS;
  for (;;) {
    const before = await stillUp(ops, app);
    if (before.healthcheck === undefined) return { now: before, evidence: NO_CHECK };
    const failure = await failureOf(ops, app.id, before.healthcheck);
    const now = await stillUp(ops, app);
    const unhealthy = now.health === 'unhealthy';
    const looked = now.lookedAt !== before.lookedAt;
    if (failure === undefined && !(unhealthy && looked)) return { now, evidence: passed(now, before.healthcheck) };
    if (unhealthy || ops.clock.monotonic() > until) {
      throw notProved({
        en: `the engine says ${now.name} is ${now.health}; ${failure?.en ?? 'its own health check passed just before'}`,
        zh: `引擎报告 ${now.name} 为 ${now.health}; ${failure?.zh ?? '此前其健康检查刚刚通过'}`,
      });
    }
    await ops.clock.sleep(POLL_MS, ops.signal);
  }
}

/**
 * Looks for itself at an application that the engine calls unhealthy: after a long boot, or an hour in which the machine had too much to
 * do, it stays so until the engine looks again.
 *
 * @returns the container with what is known now.
 */
export async function lookAgain(ops: Ops, app: Container): Promise<Container> {
  if (app.health !== 'unhealthy' || app.state !== 'running') return app;
  const [now] = await inspectContainers(ops, [app.id]);
  if (now?.healthcheck === undefined || (await failureOf(ops, app.id, now.healthcheck))) return app;
  return { ...app, health: 'healthy' };
}

async function stillUp(ops: Ops, { id, restartCount }: Container) {
  const [now] = await inspectContainers(ops, [id]);
  if (now === undefined) throw new Error(`docker inspect ${id} answered nothing`);
  if (now.state === 'running' && now.restartCount <= restartCount) return now;
  throw notProved({
    en: `${now.name} is ${now.state} and was restarted ${now.restartCount} times`,
    zh: `${now.name} 状态为 ${now.state}, 已重启 ${now.restartCount} 次`,
  });
}

/** Its words are seen in `ps` whenever the engine looks, so they may stand on a command line here too. */
const failureOf = (ops: Ops, id: string, { argv, timeoutMs }: Healthcheck): Promise<Text | undefined> =>
  run(ops, exec('read', id, argv, { deadlineMs: timeoutMs })).then(
    () => undefined,
    ifFails((error) => error.what),
  );

const NO_CHECK: Text = { en: 'the container has no health check', zh: '容器未配置健康检查' };

function passed({ health }: Container, { intervalMs }: Healthcheck): Text {
  if (health === 'healthy') return { en: "the container's health check passes", zh: '容器健康检查通过' };
  const seconds = Math.ceil(intervalMs / 1000);
  return {
    en: `the container's health check passes; the engine, which still says ${health}, looks again within ${seconds} s`,
    zh: `容器健康检查通过; 引擎仍显示 ${health}, 将在 ${seconds} 秒内再次检查`,
  };
}
