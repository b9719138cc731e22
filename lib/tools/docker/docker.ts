import { type Command, change, read } from '../../core/command.ts';

// Talking to the engine by id costs half of going through compose (`docker exec` 59 ms, `compose exec` 122 ms).

/** Runs `argv` in a running container. Killing the client leaves the command running inside. */
export function exec(
  effect: 'read' | 'change',
  container: string,
  argv: readonly string[],
  options: {
    /** Passed by name only; the value travels in the client's environment. */
    readonly env?: Readonly<Record<string, string>>;
    readonly user?: string;
    readonly input?: string;
    readonly moreInput?: Promise<string>;
    readonly heard?: (text: string) => void;
    readonly stdinFd?: number;
    readonly stdoutFd?: number;
    readonly deadlineMs?: number;
    readonly interruptible?: boolean;
    readonly shownErrors?: (stderr: string) => string;
  } = {},
): Command {
  const { env, user, deadlineMs, interruptible, ...io } = options;
  const interactive = io.input !== undefined || io.stdinFd !== undefined;
  return (effect === 'read' ? read : change)(
    [
      'docker',
      'exec',
      ...(interactive ? ['-i'] : []),
      ...(user ? ['-u', user] : []),
      ...Object.keys(env ?? {}).flatMap((name) => ['-e', name]),
      container,
      ...argv,
    ],
    {
      ...io,
      ...(env ? { env } : {}),
      ...(deadlineMs ? { deadlineMs } : {}),
      ...(interruptible === undefined ? {} : { interruptible }),
    },
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
