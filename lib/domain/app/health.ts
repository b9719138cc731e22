import { z } from 'zod';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { joined, same, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { throwIfEnded } from '../../tools/docker/wait.ts';
import { fetchBody, type Outcome } from '../../tools/http/outcome.ts';
import { GLANCE_MS, PATIENCE_MS } from '../../tools/http/within.ts';
import type { Endpoints } from './endpoints.ts';

export { endpointsOf } from './endpoints.ts';

/** One question to the application and what came back. */
interface Check {
  readonly name: 'basic' | 'deep';
  readonly url: string;
  readonly healthy: boolean;
  /** `healthy`, `unhealthy`, or what prevented an answer. Stable English, for programs. */
  readonly outcome: Outcome | 'healthy' | 'unhealthy' | 'not-json' | 'not-envelope';
  /** Which of its parts the deep one calls bad. */
  readonly bad?: readonly ('database' | 'redis')[];
  /** The same in words. */
  readonly text: Text;
  readonly milliseconds: number;
}

export interface Health {
  readonly healthy: boolean;
  readonly checks: readonly Check[];
}

/** Without nginx only the deep check is made. */
type Asked = Pick<Endpoints, 'direct'> & Partial<Endpoints>;

/** Each costs more than the question itself, just when the application needs the processor to boot. */
const LOOKS_PER_INSPECTION = 5;

/** `{success, error, message, timestamp, data}`; the deep check's data says more than the basic one's. */
const envelope = z.object({
  success: z.boolean(),
  data: z.object({ status: z.string(), database: z.string().optional(), redis: z.string().optional() }),
});

/**
 * Asks the application whether it is healthy: the basic check through nginx, the deep one directly. Strict, because the
 * deep one answers 200 when it is unhealthy as well, and `unhealthy` contains `healthy`.
 *
 * @param options.timeoutMs for each request; default as long as visitors wait.
 * @returns also when nothing answers: see `checks`.
 */
export async function healthCheck(
  ops: Pick<Ops, 'net' | 'clock' | 'signal' | 'target'>,
  endpoints: Asked,
  options: { readonly timeoutMs?: number } = {},
): Promise<Health> {
  const { timeoutMs = PATIENCE_MS } = options;
  const { basic, deep } = ops.target.health;
  const paths = deep.map((path) => endpoints.direct + path);
  const checks = await Promise.all([
    ...(endpoints.nginx === undefined ? [] : [checkAt(ops, 'basic', endpoints.nginx + basic, timeoutMs)]),
    deepCheck(ops, paths, timeoutMs),
  ]);
  return { healthy: checks.every((c) => c.healthy), checks };
}

async function deepCheck(
  ops: Parameters<typeof checkAt>[0],
  urls: readonly string[],
  timeoutMs: number,
): Promise<Check> {
  for (const [index, url] of urls.entries()) {
    const check = await checkAt(ops, 'deep', url, timeoutMs);
    if (check.outcome !== 'not-found' || index === urls.length - 1) return check;
  }
  throw new Error('the target names no path for the deep health check');
}

async function checkAt(
  ops: Pick<Ops, 'net' | 'clock' | 'signal'>,
  name: Check['name'],
  url: string,
  timeoutMs: number,
): Promise<Check> {
  const started = ops.clock.monotonic();
  const answer = await fetchBody(ops, url, timeoutMs);
  const verdict = answer.outcome === 'ok' ? judge(name, answer.body) : answer;
  return {
    name,
    url,
    healthy: verdict.outcome === 'healthy',
    outcome: verdict.outcome as Check['outcome'],
    ...('bad' in verdict && verdict.bad.length > 0 ? { bad: verdict.bad } : {}),
    text: verdict.text,
    milliseconds: Math.round(ops.clock.monotonic() - started),
  };
}

function judge(
  name: Check['name'],
  body: string,
): Pick<Check, 'outcome' | 'text'> & { bad: NonNullable<Check['bad']> } {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { outcome: 'not-json', bad: [], text: { en: 'the answer is not JSON', zh: '返回内容不是 JSON' } };
  }
  const parsed = envelope.safeParse(json);
  if (!parsed.success) {
    return {
      outcome: 'not-envelope',
      bad: [],
      text: { en: 'the answer is not the application’s health report', zh: '返回内容不是应用的健康检查格式' },
    };
  }
  const { success, data } = parsed.data;
  const parts = name === 'basic' ? (['status'] as const) : (['status', 'database', 'redis'] as const);
  const good = { status: 'healthy', database: 'connected', redis: 'connected' };
  const healthy = success && parts.every((part) => data[part] === good[part]);
  const said = [`success ${success}`, ...parts.map((part) => `${part} ${data[part] ?? '–'}`)].join(', ');
  const bad = name === 'basic' ? [] : (['database', 'redis'] as const).filter((part) => data[part] !== good[part]);
  return { outcome: healthy ? 'healthy' : 'unhealthy', bad, text: same(said) };
}

const GATEWAY: Text = {
  en: '502 to 504 come from nginx when gunicorn does not answer. In the container: supervisorctl status; tail -n 50 /var/log/supervisord.log',
  zh: '502–504 由 nginx 返回, 表示 gunicorn 无应答. 请在容器内执行: supervisorctl status; tail -n 50 /var/log/supervisord.log',
};

/** The outcomes in one line. */
export function describeHealth({ checks }: Health): Text {
  const line = ({ name, url, milliseconds }: Check, said: string) => `${name} ${url}: ${said} (${milliseconds} ms)`;
  return joined(checks.map((c) => ({ en: line(c, c.text.en), zh: line(c, c.text.zh) })));
}

/** That nothing of the application's own came back; past nginx, whatever else comes is the application's. */
const SILENT: readonly Check['outcome'][] = ['refused', 'timeout', 'network'];

/** It answers for itself: it has booted, whether or not it is healthy. */
const hasBooted = ({ checks }: Health): boolean =>
  checks.some((c) => c.outcome === 'unhealthy' || (c.name === 'deep' && !SILENT.includes(c.outcome)));

/**
 * Waits until the application is healthy several times in a row: of two workers one may have booted.
 *
 * @param ended the application's container, as it was when the waiting began; or what else throws when waiting is pointless.
 * @param options.deadlineMs for the whole; `intervalMs` between two looks, default 150; `times` in a row, default 2; `unhealthyMs` for how
 *   long it may be anything else once it answers for itself, default as long as it may take altogether.
 * @throws {OpsError} `deadline` with what the last look saw; what `ended` throws, by default `command` as soon as the container ended or
 *   was restarted.
 */
export async function waitForHealth(
  ops: Ops,
  endpoints: Asked,
  ended: Container | (() => Promise<void>),
  options: {
    readonly deadlineMs: number;
    readonly intervalMs?: number;
    readonly times?: number;
    readonly timeoutMs?: number;
    readonly unhealthyMs?: number;
  },
): Promise<Health> {
  const { deadlineMs, intervalMs = 150, times = 2, timeoutMs = GLANCE_MS, unhealthyMs = deadlineMs } = options;
  const end = ops.clock.monotonic() + deadlineMs;
  let givenUpAt = end;
  for (let inARow = 0, looks = 0; ; looks += 1) {
    // Not less than a second: a last look that had no time to see would hide what the ones before saw.
    const left = Math.max(end - ops.clock.monotonic(), 1_000);
    const health = await healthCheck(ops, endpoints, { timeoutMs: Math.min(timeoutMs, left) });
    inARow = health.healthy ? inARow + 1 : 0;
    givenUpAt = hasBooted(health) ? Math.min(givenUpAt, ops.clock.monotonic() + unhealthyMs) : end;
    if (inARow >= times) return health;
    if (!health.healthy && looks % LOOKS_PER_INSPECTION === 0) {
      await (typeof ended === 'function' ? ended() : throwIfEnded(ops, ended, 'app'));
    }
    if (ops.clock.monotonic() >= givenUpAt) {
      const last = describeHealth(health);
      const seconds = (givenUpAt < end ? unhealthyMs : deadlineMs) / 1000;
      throw new OpsError({
        kind: 'deadline',
        what: {
          en: `The application was not healthy ${times} times in a row within ${seconds} s. Last: ${last.en}`,
          zh: `应用在 ${seconds} 秒内未能连续 ${times} 次通过健康检查. 最后一次: ${last.zh}`,
        },
        next: health.checks.some((c) => c.outcome === 'gateway') ? [GATEWAY] : [],
      });
    }
    await ops.clock.sleep(intervalMs, ops.signal);
  }
}
