import type { Ops } from '../../core/ops.ts';
import { ask } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import { printable } from '../../core/text.ts';
import { describeHealth, type Health, waitForHealth } from '../../domain/app/health.ts';
import { netInside } from '../../domain/app/inside.ts';
import { exec } from '../../tools/docker/docker.ts';
import { throwIfEnded } from '../../tools/docker/wait.ts';
import { startApp } from './containers.ts';
import { since } from './data-steps.ts';
import { appFailed } from './errors.ts';
import type { Rehearsal } from './facts.ts';

/** In a row: one healthy answer may be luck. */
const TIMES = 3;
/** With half of the processors. */
const SLOWER = 2;

export const bootStep = (rehearsal: Rehearsal): Step<Health, [string]> => ({
  id: 'boot',
  title: { en: 'Boot the application and ask its health from inside', zh: '启动应用并从容器内部检查健康状态' },
  risk: 'none',
  commands: ['docker run --network <drill> … ; docker exec <app> curl http://127.0.0.1…'],
  run: (ops, imageId) => boot(ops, rehearsal, imageId),
  evidence: describeHealth,
});

/** Boots the code on the restored data as its image starts by itself, and asks from inside whether it is healthy, deeply too. */
async function boot(ops: Ops, rehearsal: Rehearsal, imageId: string): Promise<Health> {
  const started = ops.clock.monotonic();
  const app = await startApp(ops, rehearsal, { role: 'app', imageId });
  const inside = { ...ops, net: netInside(ops, app.id) };
  const { nginx, direct } = ops.target.ports;
  const endpoints = { nginx: `http://127.0.0.1:${nginx}`, direct: `http://127.0.0.1:${direct}` };
  let health: Health;
  try {
    // Asked through the container, so first whether that still runs.
    health = await waitForHealth(inside, endpoints, () => throwIfEnded(ops, app, 'app'), {
      deadlineMs: ops.target.bootSeconds * 1000 * SLOWER,
      intervalMs: 250,
      times: TIMES,
      timeoutMs: 10_000,
    });
  } catch (error) {
    ops.signal.throwIfAborted();
    throw appFailed(error, await itsWords(ops, app.id));
  }
  rehearsal.health = health;
  rehearsal.bootMs = since(ops, started);
  rehearsal.recoverMs = since(ops, rehearsal.startedAt);
  return health;
}

/** Last lines of the application's logs; nothing when it can't be asked. */
async function itsWords(ops: Ops, container: string): Promise<string> {
  const script = 'tail -q -n 6 "$1"/logs/*.log 2>/dev/null || :';
  const words = exec('read', container, ['sh', '-c', script, 'tail', ops.target.app.userdata]);
  return printable(ops.secrets.redact(await ask(ops, words, [0, 1, 126, 127, 137]).catch(() => '')));
}
