import { ask, type Output, type RunOps, read, run } from '../../core/run.ts';

/**
 * `docker image inspect` or `docker volume inspect`. Exit code 1 tells that something of it does not exist; what does is printed all the same.
 * An engine that does not answer is no absent image: it is asked again, and gives an answer or an error.
 */
export async function lookUp(ops: RunOps, what: 'image' | 'volume', ...words: readonly string[]): Promise<Output> {
  const inspect = read(['docker', what, 'inspect', ...words]);
  const first = await run(ops, inspect, [0, 1]);
  return first.exitCode === 0 || /no such (image|volume)/i.test(first.stderr) ? first : run(ops, inspect);
}

/** What these columns say of each container, stopped ones too, that all the filters are true of. */
export async function listContainers(
  ops: RunOps,
  filters: readonly string[],
  ...columns: readonly string[]
): Promise<string[][]> {
  const words = ['-a', '--no-trunc', ...filters.flatMap((filter) => ['--filter', filter])];
  const lines = await ask(ops, read(['docker', 'ps', ...words, '--format', columns.join('\t')]));
  return lines.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')]));
}

/** The column of one of compose's labels. */
export const composeLabel = (name: string): string => `{{.Label "com.docker.compose.${name}"}}`;
