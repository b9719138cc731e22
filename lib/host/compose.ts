import type { Target } from '../target/target.ts';
import { asTyped, type Command, change, read } from './command.ts';

/** Where the compose file and `.env` are. */
export type ComposeTarget = Pick<Target, 'dir' | 'composeFile'>;

type Extra = Partial<Omit<Command, 'argv' | 'effect'>> & {
  /** Where `.env` and relative paths are looked up; default: the deploy directory. */
  readonly projectDirectory?: string;
};

/** The same as a person types it, from wherever they are: without `-f` compose would take the first file of its own names that it finds. */
export const composeTyped = (target: ComposeTarget, ...args: readonly string[]): string =>
  asTyped(compose(target, args, 'read').argv);

/** The plugin's version alone, such as `2.26.1`; an error where only compose 1.x or none is installed. */
export const composeVersion = (): Command => read(['docker', 'compose', 'version', '--short']);

/** `docker compose <args>` on the target's compose file, whatever the current directory. */
export function compose(
  target: ComposeTarget,
  args: readonly string[],
  effect: 'read' | 'change',
  extra: Extra = {},
): Command {
  const { projectDirectory = target.dir, ...rest } = extra;
  // Without --project-directory, compose would take the .env beside the compose file, not the deploy directory's.
  const file = target.composeFile.startsWith('/') ? target.composeFile : `${target.dir}/${target.composeFile}`;
  return (effect === 'read' ? read : change)(
    ['docker', 'compose', '-f', file, '--project-directory', projectDirectory, ...args],
    rest,
  );
}

/** The resolved config as JSON on stdout, secrets included, every `$` doubled. Needs no engine. */
export const config = (target: ComposeTarget, projectDirectory?: string): Command =>
  compose(target, ['config', '--format', 'json'], 'read', projectDirectory === undefined ? {} : { projectDirectory });

/**
 * What compose would label each service's container with, as lines `<service> <hash>`: an unchanged one is not recreated. Equal
 * to the label for plain services; for one with build, env_file and depends_on 2.26 printed another hash than it labels with.
 */
export const configHashes = (target: ComposeTarget): Command => compose(target, ['config', '--hash', '*'], 'read');

/**
 * Builds a service's image. Build arguments are passed by name, so that compose takes their values from its own
 * environment: a proxy's password must not be seen in `ps`. Two hours at most, for slow mirrors.
 */
export const build = (target: ComposeTarget, service: string, buildArgNames: readonly string[] = []): Command =>
  compose(target, ['build', ...buildArgNames.flatMap((name) => ['--build-arg', name]), service], 'change', {
    deadlineMs: 7_200_000,
    interruptible: true, // an image that is half built is no image
  });

/** Pulls the services' images. Asks the registry also when they are here, so only for those that are missing. */
export const pull = (target: ComposeTarget, services: readonly [string, ...string[]]): Command =>
  compose(target, ['pull', '--quiet', ...services], 'change', { deadlineMs: 1_800_000, interruptible: true });

// --no-deps: until 2.29.3 compose recreated dependent services too. --no-build and --pull never: during an outage nothing
// may depend on a network, and an image that is missing must be an error. Never -y (from 2.32 on it deletes a volume whose
// definition changed), never --wait (it follows the healthcheck's interval), never `down -v`.
const UP = ['--no-deps', '--no-build', '--pull', 'never'] as const;

/**
 * Creates services' containers anew, in place of the present ones (stopped first); not started. Forced, because with an unchanged
 * image compose would keep the container, and with it what was copied into it.
 */
export const upNoStart = (target: ComposeTarget, services: readonly string[]): Command =>
  compose(target, ['up', '--no-start', '--force-recreate', ...UP, ...services], 'change', { deadlineMs: 120_000 });

/** The same for these services, and starts them. Returns when they are started, not when they are ready. */
export const up = (target: ComposeTarget, services: readonly [string, ...string[]]): Command =>
  compose(target, ['up', '-d', ...UP, ...services], 'change', { deadlineMs: 120_000 });

/**
 * Starts a container of a service's image with its environment, networks and mounts, but neither its ports, its fixed name
 * nor its restart policy. stdout's last line is the id. Nothing removes it but the caller. The image must exist: `compose run`
 * would build or pull a missing one.
 *
 * @param options.argv program, which stands for the image's entrypoint and command, and its arguments; without it the image starts as it
 *   does by itself. compose splits the program like a shell, so it has no spaces or quotes; the arguments may.
 * @param options.env more variables; by name on the command line, values in the client's environment.
 * @param options.mounts files of this machine over files of the image, `source:target`; read only.
 */
export function runDetached(
  target: ComposeTarget,
  service: string,
  options: {
    readonly name: string;
    readonly argv?: readonly [string, ...string[]];
    readonly env?: Readonly<Record<string, string>>;
    /** `--label` flags. */
    readonly labels?: readonly string[];
    readonly mounts?: readonly string[];
  },
): Command {
  const [program, ...args] = options.argv ?? [];
  const names = Object.keys(options.env ?? {}).flatMap((name) => ['-e', name]);
  const mounts = (options.mounts ?? []).flatMap((mount) => ['-v', `${mount}:ro`]);
  return compose(
    target,
    [
      ...['run', '-d', '--no-deps', '-T', '--name', options.name, ...(options.labels ?? []), ...names, ...mounts],
      ...(program === undefined ? [service] : ['--entrypoint', program, service, ...args]),
    ],
    'change',
    { deadlineMs: 120_000, ...(options.env ? { env: options.env } : {}) },
  );
}
