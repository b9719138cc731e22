import { exec } from '../host/docker.ts';
import type { Net } from '../host/ops.ts';
import { type RunOps, run } from '../host/run.ts';

/** What curl exits with when there was no whole answer: refused, timed out, empty, cut off. */
const NO_ANSWER = [7, 28, 52, 56];

/**
 * Asks by curl inside a container, as if by `fetch`.
 *
 * @param words curl's address, and options of its own.
 * @throws an error with the code ECONNREFUSED when there is no answer; {@link CommandError} when the container can't be asked.
 */
export async function fetchInside(ops: RunOps, container: string, words: readonly string[]): Promise<Response> {
  const curl = ['curl', '-s', '--max-time', '10', '-w', '\n%{http_code} %{content_type}'];
  const answer = await run(ops, exec('read', container, [...curl, ...words]), [0, ...NO_ANSWER]);
  if (answer.exitCode !== 0) throw Object.assign(new Error('no answer'), { code: 'ECONNREFUSED' });
  const at = answer.stdout.lastIndexOf('\n');
  const [status = '', ...type] = answer.stdout.slice(at + 1).split(' ');
  return new Response(answer.stdout.slice(0, at), {
    status: Number(status),
    headers: { 'content-type': type.join(' ') },
  });
}

/** The network as a container sees it: nothing outside of it is needed to reach it, nor asked. */
export const netInside = (ops: RunOps & { readonly net: Net }, container: string): Net => ({
  ...ops.net,
  fetch: (url) => fetchInside(ops, container, ['--noproxy', '*', url]),
});
