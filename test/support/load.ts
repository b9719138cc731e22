import { spawn } from 'node:child_process';
import type { LoadReport } from '../sandbox/load-report.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { startOf } from './run-script.ts';

export interface Load {
  /** Sends no more, waits for the answers under way, and tells. */
  stop(): Promise<LoadReport>;
}

/** Starts test/sandbox/load.ts as a process of its own; resolves once it sends. `args` are its options. */
export const startLoad = (url: string, ...args: readonly string[]): Promise<Load> => startLoadFrom([], url, ...args);

/** The same from elsewhere. @param enter words before a command that runs there. */
export async function startLoadFrom(enter: readonly string[], url: string, ...args: readonly string[]): Promise<Load> {
  const start = startOf('test/sandbox/load');
  const [program = '', ...words] = [...enter, process.execPath, ...start.words, '--url', url, ...args];
  const child = spawn(program, words, { cwd: start.root, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (d: Buffer) => (text += d));
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), ended]);
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
      return JSON.parse(text.slice(text.indexOf('{'))) as LoadReport;
    },
  };
}

/** A mixture as users make it: every 25th request takes two seconds, every 10th is a POST. */
export const MIXED = ['--rate', '50', '--slow-every', '25', '--post-every', '10'] as const;

/** So many requests/s to each URL, by the name that a summary gives it. The scheduler answers only whoever is logged in. */
export async function startLoads(ways: Readonly<Record<string, string>>, rate = 5): Promise<Loads> {
  const started = Object.entries(ways).map(async ([way, url]) => {
    const answered = url.includes('/scheduler/') ? 'below-500' : 'ok';
    return [way, await startLoad(url, '--rate', String(rate), '--answered', answered)] as const;
  });
  const loads = await Promise.all(started);
  return {
    stop: async () =>
      Object.fromEntries(await Promise.all(loads.map(async ([way, l]) => [way, await l.stop()] as const))),
  };
}

interface Loads {
  stop(): Promise<Readonly<Record<string, LoadReport>>>;
}

/** By which people come to a sandbox, beside its health check through nginx. */
export const waysOf = ({ url, directUrl, httpsUrl }: Sandbox): Readonly<Record<string, string>> => ({
  pages: `${url}/`,
  ...(httpsUrl && {
    direct: `${directUrl}/api/v1/health/basic`,
    whalefall_scheduler: `${url}/api/v1/scheduler/`,
    https: `${httpsUrl}/api/v1/health/basic`,
  }),
});
