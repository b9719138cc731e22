import { type Command, change, type Extra, read } from '../../core/run.ts';

// Talking to the engine by id costs half of going through compose (`docker exec` 59 ms, `compose exec` 122 ms).

/**
 * Runs `argv` in a running container. Killing the client leaves the command running inside.
 *
 * @param options.env by name on the command line; the values travel in the client's environment.
 */
export function exec(
  effect: 'read' | 'change',
  container: string,
  argv: readonly string[],
  { user, ...options }: Extra & { readonly user?: string } = {},
): Command {
  const interactive = options.input !== undefined || options.stdinFd !== undefined;
  return (effect === 'read' ? read : change)(
    [
      'docker',
      'exec',
      ...(interactive ? ['-i'] : []),
      ...(user ? ['-u', user] : []),
      ...Object.keys(options.env ?? {}).flatMap((name) => ['-e', name]),
      container,
      ...argv,
    ],
    options,
  );
}

export const serverVersion = (): Command => read(['docker', 'version', '-f', '{{.Server.Version}}']);
export const inspect = (ids: readonly string[]): Command => read(['docker', 'inspect', ...ids]);
export const stop = (id: string, graceSeconds: number): Command =>
  change(['docker', 'stop', '-t', String(graceSeconds), id], { deadlineMs: (graceSeconds + 30) * 1000 });
export const start = (id: string): Command => change(['docker', 'start', id]);
/** Removes the container and its anonymous volumes; named volumes stay. */
export const remove = (id: string): Command => change(['docker', 'rm', '-f', '-v', id]);
export const tag = (image: string, reference: string): Command => change(['docker', 'tag', image, reference]);
/** Also of a running container: it goes on. */
export const rename = (id: string, name: string): Command => change(['docker', 'rename', id, name]);
/** Also of a running container: it counts from the next time on that it ends. */
export const setRestart = (id: string, policy: string): Command =>
  change(['docker', 'update', '--restart', policy, id]);

/** For Python's `-c`: the program comes in as the first line of its stdin, a JSON string; what follows is left for orders to it. */
export const PYTHON_BY_LINE = 'import json, sys; exec(json.loads(sys.stdin.readline()))';
