import { randomUUID } from 'node:crypto';
import type { Net } from '../../core/ops.ts';
import { type RunOps, run } from '../../core/run.ts';
import { exec } from '../../tools/docker/docker.ts';

/** What curl exits with when there was no whole answer: refused, timed out, empty, cut off. */
const NO_ANSWER = [7, 28, 52, 56];
const REQUEST_SECONDS = 10;

interface Asked {
  /** curl's own: the way there. */
  readonly options: readonly string[];
  readonly url: string;
  readonly times?: number;
}

/**
 * Asks by curl inside a container, as if by `fetch`; several times in a row, each on a connection of its own, until there is no answer.
 *
 * @returns what to do instead of fetching, for each time that was asked: give the response, or throw ECONNREFUSED. Never empty.
 * @throws {CommandError} when the container can't be asked.
 */
export async function askInside(
  ops: RunOps,
  container: string,
  { options, url, times = 1 }: Asked,
): Promise<(() => Response)[]> {
  const end = randomUUID(); // which no body can have in it
  const curl = ['curl', '-s', '--fail-early', '--max-time', String(REQUEST_SECONDS), '-H', 'connection: close'];
  const argv = [...curl, '-w', `\n%{http_code} %{content_type}\n${end}`, ...options, ...Array(times).fill(url)];
  const deadlineMs = (REQUEST_SECONDS * times + 15) * 1000;
  const { stdout, exitCode } = await run(ops, exec('read', container, argv, { deadlineMs }), [0, ...NO_ANSWER]);
  const parts = stdout.split(`\n${end}`).slice(0, -1);
  // What curl did not get to its end is told by its exit code.
  const answers = (exitCode === 0 ? parts : parts.slice(0, -1)).map((part) => () => responseOf(part));
  return exitCode === 0 ? answers : [...answers, noAnswer];
}

function responseOf(part: string): Response {
  const at = part.lastIndexOf('\n');
  const [status = '', ...type] = part.slice(at + 1).split(' ');
  return new Response(part.slice(0, at), { status: Number(status), headers: { 'content-type': type.join(' ') } });
}

function noAnswer(): never {
  throw Object.assign(new Error('no answer'), { code: 'ECONNREFUSED' });
}

/** The network as a container sees it: nothing outside of it is needed to reach it, nor asked. */
export const netInside = (ops: RunOps & { readonly net: Net }, container: string): Net => ({
  ...ops.net,
  fetch: async (url) => {
    const [answer = noAnswer] = await askInside(ops, container, { options: ['--noproxy', '*'], url });
    return answer();
  },
});
