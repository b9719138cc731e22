import { writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { type Sample, summarise } from './load-report.ts';

/*
 * Sends requests at a fixed rate until the time is over or SIGTERM comes, and tells how many were lost. Open loop: a
 * request is sent when its time has come, whether or not earlier ones were answered, as real visitors do.
 */
const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    rate: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '0' },
    // On a machine that is busy with something else an answer may take long, as it may while requests wait: lost is what never comes.
    timeout: { type: 'string', default: '330000' },
    json: { type: 'string' },
    // A mixture: every n-th request goes to /api/v1/slow?s=2, or posts to /api/v1/echo.
    'slow-every': { type: 'string', default: '0' },
    'post-every': { type: 'string', default: '0' },
    // What counts for answered: `ok` (below 400), or `below-500`, of a route that only answers whoever is logged in.
    answered: { type: 'string', default: 'ok' },
  },
});
const number = (name: 'rate' | 'seconds' | 'timeout' | 'slow-every' | 'post-every') => Number(values[name]);

const target = new URL(values.url ?? '');
if (!/^(localhost|127\.\d+\.\d+\.\d+|10\.231\.\d+\.1|\[::1\]|\[fd00:231:[\da-f:]*1\])$/.test(target.hostname)) {
  throw new Error('load goes to this machine only: localhost, 127.0.0.1, or its address in the network of a test');
}

const began = performance.now();
const samples: Sample[] = [];
const open = new Set<Promise<void>>();
let stopping = false;

function send(kind: Sample['kind']): void {
  const url = kind === 'get' ? target : new URL(kind === 'slow' ? '/api/v1/slow?s=2' : '/api/v1/echo', target);
  const done = new Promise<void>((resolve) => {
    const start = performance.now() - began;
    const finish = (ok: boolean, outcome: string) => {
      samples.push({ kind, start, end: performance.now() - began, ok, outcome });
      resolve();
    };
    // A connection of its own, so that no request dies with a connection which another one had left open.
    const call = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      agent: false,
      rejectUnauthorized: false, // a test's own certificate
      method: kind === 'post' ? 'POST' : 'GET',
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(number('timeout')),
    });
    call.on('error', (error: NodeJS.ErrnoException) => finish(false, error.code ?? error.name));
    call.on('response', (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      response.on('error', (error: NodeJS.ErrnoException) => finish(false, error.code ?? error.name));
      response.on('end', () =>
        finish(status >= 200 && status < (values.answered === 'below-500' ? 500 : 400), String(status)),
      );
    });
    call.end(kind === 'post' ? 'load' : undefined);
  });
  open.add(done);
  void done.then(() => open.delete(done));
}

function kindOf(index: number): Sample['kind'] {
  const every = (name: 'slow-every' | 'post-every') => number(name) > 0 && index % number(name) === number(name) - 1;
  if (every('slow-every')) return 'slow';
  return every('post-every') ? 'post' : 'get';
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    stopping = true;
  });
}
const end = number('seconds') > 0 ? number('seconds') * 1000 : Number.POSITIVE_INFINITY;
// Whoever was killed tells nobody to stop, and the next one's figures would be of both.
const parent = process.ppid;
for (let index = 0; !stopping && process.ppid === parent; index++) {
  // From the beginning, not from the last request: delays must not add up to a lower rate.
  const due = (index * 1000) / number('rate');
  if (due >= end) break;
  const wait = due - (performance.now() - began);
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  if (!stopping) send(kindOf(index));
  // For whoever waits until the load is there.
  if (index === 0) console.log(`sending to ${target}`);
}
await Promise.all(open);

const report = JSON.stringify(summarise(samples), null, 2);
if (values.json) writeFileSync(values.json, report);
console.log(report);
