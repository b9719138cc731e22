import type { Text } from '../../core/text.ts';
import type { Program } from './programs.ts';

/** How gunicorn replaces workers after so many requests. */
export interface Recycling {
  readonly most: number;
  readonly jitter: number;
}

/**
 * Whether workers of one age come to their end together, because what sets them apart is small: then nobody serves for as long as a boot
 * takes. `undefined` when they do not, or are not replaced.
 */
export function recyclesTogether({ settings }: Program, workers: number): Recycling | undefined {
  const { max_requests: most = 0, max_requests_jitter: jitter = 0 } = settings ?? {};
  return most === 0 || workers < 2 || jitter >= most / 4 ? undefined : { most, jitter };
}

export const recyclingText = ({ most, jitter }: Recycling): Text => ({
  en: `max_requests ${most}, max_requests_jitter ${jitter}: about once in ${most} requests each, nobody serves for a boot`,
  zh: `max_requests ${most}, max_requests_jitter ${jitter}: 每个 worker 大约每处理 ${most} 个请求, 就会有一段时间 (一次启动的时长) 没有 worker 可用`,
});

export const recyclingCure = ({ most }: Recycling): Text => ({
  en: `In gunicorn.conf.py: max_requests_jitter = ${Math.round(most / 2)}; more workers; or max_requests = 0 when no memory leaks`,
  zh: `在 gunicorn.conf.py 中: max_requests_jitter = ${Math.round(most / 2)}; 增加 workers; 若无内存泄漏, 设 max_requests = 0`,
});

/** Classes without threads for requests; `sync` has them when told so. */
const WITHOUT_THREADS = /gevent|eventlet|tornado|uvicorn/i;
const SYNC = /^(sync|gunicorn\.workers\.sync\.SyncWorker)$/;

/**
 * Whether a worker that is told to end closes connections that it has taken and not read: threaded ones of gunicorn 21 to 23 do, as
 * they take connections for up to a second more and end without having looked at them (benoitc/gunicorn#3038, #3380; 20 and 24 read
 * them). What is not known of its settings counts as if it were so.
 */
export function dropsWhenLeaving({ gunicorn: version = '', settings = {} }: Program): boolean {
  const major = Number.parseInt(version, 10);
  if (!(major >= 21 && major <= 23)) return false;
  const { worker_class: kind = '', threads = 2 } = settings;
  return SYNC.test(kind) ? threads > 1 : !WITHOUT_THREADS.test(kind);
}

/** Seconds without a sign of life after which a worker counts as hung: it gives one every half of `timeout`. */
export const silentAfter = ({ settings: { timeout } = {} }: Program): number | undefined =>
  timeout ? timeout / 2 + 10 : undefined;

/** What counts where `timeout` is computed. */
const USUAL_SECONDS = 120;

/** How long workers that are told to end may take: as long as gunicorn itself lets them end their requests, and then kills one that hangs. */
export const leaveSeconds = ({ settings: { timeout = USUAL_SECONDS, graceful_timeout = 30 } = {} }: Program): number =>
  Math.max(30, timeout, graceful_timeout) + 15;
