import { OpsError } from '../../core/errors.ts';
import { type Net, type Ops, uninterruptible } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import { ask, run } from '../../core/run.ts';
import { joined, printable, type Text } from '../../core/text.ts';
import { exec } from '../../tools/docker/docker.ts';
import { type Health, waitForHealth } from './health.ts';
import { askInside } from './inside.ts';
import type { Staging } from './staging.ts';
import { lookAtWorkers } from './workers.ts';

/** In a row: one healthy answer may be luck. */
const TIMES = 3;
/** There is no nginx before it: both checks are its own. */
const CANARY = { nginx: 'http://canary', direct: 'http://canary' };
// The whole group, gunicorn's master and worker; at once, because nobody is served by it.
const END = 'kill -s KILL -- "-$1" 2>/dev/null || :';

/**
 * Asks a staged release that boots on its private socket, beside what serves, for its health until it was healthy several times in a
 * row. It is ended in any case.
 *
 * @param pid its gunicorn's master.
 * @throws {OpsError} with the last health report, or with the application's own words when it ended.
 */
export async function tryCanary(ops: Ops, staging: Staging, pid: number): Promise<Health> {
  const seconds = ops.target.bootSeconds;
  try {
    // Waited for in the container: asking from here again and again takes the processor away from what boots.
    const { master, workers } = await lookAtWorkers(ops, staging.container, pid, { wanted: 1, seconds });
    if (master !== null && !workers.some((w) => w.state === 'serving')) throw hangs(seconds);
    const inside = { ...ops, net: throughSocket(ops, staging) };
    const patience = { deadlineMs: seconds * 1000, times: TIMES, intervalMs: 20 };
    return await waitForHealth(inside, CANARY, () => throwIfGone(ops, staging, pid), patience);
  } catch (error) {
    ops.signal.throwIfAborted();
    throw await withItsWords(ops, staging, error);
  } finally {
    await endCanary(ops, staging, pid);
  }
}

/** What it answered each time. How long that took is not known of each. */
export function describeTrial({ checks }: Health): Text {
  const { en, zh } = joined(checks.map(({ name, text }) => ({ en: `${name}: ${text.en}`, zh: `${name}: ${text.zh}` })));
  return { en: `healthy ${TIMES} times in a row: ${en}`, zh: `连续 ${TIMES} 次健康: ${zh}` };
}

/** Also after Ctrl-C; changes nothing when it has ended. */
export async function endCanary(ops: Ops, staging: Staging, pid: number): Promise<void> {
  const calm = uninterruptible(ops);
  await run(calm, exec('change', staging.container, ['sh', '-c', END, 'end', String(pid)]));
}

/** A network in which every URL means the canary's socket. One command asks several times, and its answers are given one by one. */
function throughSocket(ops: Ops, staging: Staging): Net {
  const answers = new Map<string, (() => Response)[]>();
  return {
    ...ops.net,
    fetch: async (url) => {
      const { pathname } = new URL(url);
      const known = answers.get(pathname) ?? [];
      if (known.length === 0) {
        const socket = ['--unix-socket', staging.socket];
        known.push(
          ...(await askInside(ops, staging.container, {
            options: socket,
            url: `http://localhost${pathname}`,
            times: TIMES,
          })),
        );
        answers.set(pathname, known);
      }
      const answer = known.shift();
      if (answer === undefined) throw new Error('nobody asked');
      return answer();
    },
  };
}

async function throwIfGone(ops: Ops, staging: Staging, pid: number): Promise<void> {
  const alive = await run(
    ops,
    exec('read', staging.container, ['sh', '-c', 'kill -0 "$1"', 'alive', String(pid)]),
    [0, 1],
  );
  if (alive.exitCode === 0) return;
  throw failed({ en: 'The new release ended while it was being tried.', zh: '新版本在试运行时退出.' });
}

const hangs = (seconds: number) =>
  new OpsError({
    kind: 'deadline',
    what: {
      en: `The new release did not begin to serve within ${seconds} s: loading it, or starting its worker, does not end.`,
      zh: `新版本在 ${seconds} 秒内未开始服务: 加载应用或启动 worker 一直未完成.`,
    },
  });

async function withItsWords(ops: Ops, staging: Staging, error: unknown): Promise<unknown> {
  if (!(error instanceof OpsError)) return error;
  const tail = exec('read', staging.container, ['tail', '-n', '15', `${staging.log}-canary`]);
  const said = printable(ops.secrets.redact(await ask(ops, tail).catch(() => '')));
  return new OpsError({
    kind: error.kind,
    what: { en: `${error.what.en}\n${said}`, zh: `${error.what.zh}\n${said}` },
    next: error.next,
    cause: error,
  });
}
