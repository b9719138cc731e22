import type { Stack } from './stack.ts';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly what: string;
}

/** The engine's own question, now and then, and how it gets in. */
const HEALTHCHECK = /^curl -f |^\[curl\] <defunct>$|^(runc|\/proc\/self\/exe) init$/;

/** Every process in the container by what it is; what has no name here is given as it is. */
export function processes(stack: Stack): readonly Process[] {
  const lines = stack.inApp(['ps', '-ww', '-eo', 'pid=,ppid=,args=']).trim().split('\n');
  const all = lines.map((line) => {
    const [, pid, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), parent: Number(parent), args };
  });
  const kind = (args: string) => {
    if (args.includes('supervisord')) return 'supervisor';
    if (args.startsWith('nginx:')) return 'nginx';
    if (args.endsWith('--config /app/gunicorn.conf.py wsgi:application')) return 'web';
    if (args.endsWith('gunicorn-scheduler.conf.py wsgi:application')) return 'scheduler';
    return args;
  };
  const parents = new Set(all.map((p) => p.parent));
  return all
    .filter((p) => !p.args.startsWith('ps ') && !HEALTHCHECK.test(p.args))
    .map(({ pid, parent, args }) => {
      const what = kind(args);
      const role = what === 'web' || what === 'scheduler' ? (parents.has(pid) ? ' master' : ' worker') : '';
      return { pid, parent, what: what + role };
    });
}

/** Program and pid of each that supervisor believes to run. */
export function supervised(stack: Stack): Readonly<Record<string, number>> {
  const status = stack.inApp(['sh', '-c', 'supervisorctl status || true']);
  return Object.fromEntries([...status.matchAll(/^(\S+)\s+RUNNING\s+pid (\d+)/gm)].map((m) => [m[1], Number(m[2])]));
}

export interface Answer {
  readonly marker: string;
  readonly pid: number;
  readonly booted_at: number;
}

/**
 * Who answers /api/v1/version: at least 30 times, straight and through nginx, and until each web worker has had its turn. The
 * kernel gives a connection to whichever worker is quicker, so how many it takes is not known; and gunicorn replaces a worker
 * by itself after 1000 requests, so who has to answer is asked again and again.
 */
export async function answers(stack: Stack): Promise<readonly Answer[]> {
  const seen: Answer[] = [];
  while (seen.length < 3000) {
    const urls = Array.from({ length: 30 }, (_, i) => (i % 2 ? stack.sandbox.url : stack.sandbox.directUrl));
    seen.push(...(await Promise.all(urls.map((url) => get<Answer>(`${url}/api/v1/version`)))));
    const workers = processes(stack).filter((p) => p.what === 'web worker');
    if (workers.length > 0 && workers.every((w) => seen.some((a) => a.pid === w.pid))) return seen;
  }
  throw new Error(`${seen.length} requests, and still a worker that did not answer`);
}

/** Deep health in one line, as the application says it. */
export async function deepHealth(stack: Stack): Promise<string> {
  const { status, database, redis } = await get<Record<string, string>>(`${stack.sandbox.directUrl}/api/v1/health`);
  return `${status}, database ${database}, redis ${redis}`;
}

/** The one scheduler: whether it runs, in which process, and the release of its code. */
export async function scheduler(stack: Stack): Promise<{ running: boolean; pid: number; marker: string }> {
  const { running, pid } = await get<{ running: boolean; pid: number }>(`${stack.sandbox.url}/api/v1/scheduler/`);
  const text = stack.inApp(['curl', '-sS', '--max-time', '10', 'http://127.0.0.1:5002/api/v1/version']);
  return { running, pid, marker: (JSON.parse(text) as { data: Answer }).data.marker };
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(20_000) });
  return ((await response.json()) as { data: T }).data;
}
