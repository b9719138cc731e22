import { asTyped, type Command, change, type Extra, read } from '../../core/run.ts';
import { type ComposeTarget, composeFiles } from './compose-files.ts';

type Settings = Extra & {
  /** Where `.env` and relative paths are looked up; default: the deploy directory. */
  readonly projectDirectory?: string;
  /** A second compose file, absolute, whose words count more. */
  readonly override?: string;
  /** Instead of the project that the compose file or the directory's name gives. */
  readonly project?: string;
};

/** The same as a person types it, from wherever they are: without `-f` compose would take the first file of its own names that it finds. */
export const composeTyped = (target: ComposeTarget, ...args: readonly string[]): string =>
  asTyped(compose(target, args, 'read').argv);

/** The plugin's version alone, such as `2.26.1`; an error where only compose 1.x or none is installed. */
export const composeVersion = (): Command => read(['docker', 'compose', 'version', '--short']);

/** `docker compose <args>` on the target's compose files, whatever the current directory. */
export function compose(
  target: ComposeTarget,
  args: readonly string[],
  effect: 'read' | 'change',
  extra: Settings = {},
): Command {
  const { projectDirectory = target.dir, override, project, ...rest } = extra;
  // Without --project-directory, compose would take the .env beside the compose file, not the deploy directory's.
  const files = composeFiles(target, projectDirectory).flatMap((file) => ['-f', file]);
  return (effect === 'read' ? read : change)(
    [
      ...['docker', 'compose', ...(project === undefined ? [] : ['-p', project]), ...files],
      ...(override === undefined ? [] : ['-f', override]),
      ...['--project-directory', projectDirectory, ...args],
    ],
    rest,
  );
}

/** The resolved config as JSON on stdout, secrets included, every `$` doubled. Needs no engine. */
export const config = (target: ComposeTarget, projectDirectory?: string): Command =>
  compose(target, ['config', '--format', 'json'], 'read', projectDirectory === undefined ? {} : { projectDirectory });

/**
 * Builds a service's image. Build arguments are passed by name, so that compose takes their values from its own
 * environment: a proxy's password must not be seen in `ps`. Two hours at most, for slow mirrors.
 */
export const build = (
  target: ComposeTarget,
  service: string,
  buildArgNames: readonly string[] = [],
  where: Pick<Settings, 'override' | 'project'> = {},
): Command =>
  compose(target, ['build', ...buildArgNames.flatMap((name) => ['--build-arg', name]), service], 'change', {
    ...where,
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
 * Makes the container of a service of a project given on stdin, and starts nothing. The project's own containers are not touched, as long
 * as none is of a service of that name.
 *
 * @param text the project, as {@link config} prints it.
 */
export const createTemplate = (target: ComposeTarget, project: string, service: string, text: string): Command =>
  change([...onStdin(target, project), 'up', '--no-start', ...UP, service], { input: text, deadlineMs: 120_000 });

/**
 * Lines `<service> <hash>`: what a plain `docker compose up -d` would label each container of this project with; `*` for all services.
 * Of the compose file itself 2.26 prints another hash for a service with an env_file.
 */
export const hashOf = (target: ComposeTarget, service: string, text: string): Command =>
  read([...onStdin(target), 'config', '--hash', service], { input: text });

const onStdin = ({ dir }: ComposeTarget, project?: string): string[] => [
  ...['docker', 'compose', ...(project ? ['-p', project] : []), '-f', '-', '--project-directory', dir],
];

/**
 * Starts a container of a service's image with its environment, networks and mounts, but neither its ports, its fixed name
 * nor its restart policy. stdout's last line is the id. Nothing removes it but the caller. The image must exist: `compose run`
 * would build or pull a missing one.
 *
 * @param options.argv program, which stands for the image's entrypoint and command, and its arguments; without it the image starts as it
 *   does by itself. compose splits the program like a shell, so it has no spaces or quotes; the arguments may.
 * @param options.env more variables; by name on the command line, values in the client's environment.
 * @param options.mounts files of this machine over files of the image, `source:target`; read only.
 * @param options.writable the same, for the container to write to.
 * @param options.text the project, as {@link config} prints it, with what is there already as external: of the compose file itself some
 *   versions of compose would make a network anew that is declared in another way by now, under the containers that use it.
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
    readonly writable?: readonly string[];
    readonly text: string;
  },
): Command {
  const [program, ...args] = options.argv ?? [];
  const names = Object.keys(options.env ?? {}).flatMap((name) => ['-e', name]);
  const both = [...(options.mounts ?? []).map((mount) => `${mount}:ro`), ...(options.writable ?? [])];
  const mounts = both.flatMap((mount) => ['-v', mount]);
  const words = [
    ...['run', '-d', '--no-deps', '-T', '--name', options.name, ...(options.labels ?? []), ...names, ...mounts],
    ...(program === undefined ? [service] : ['--entrypoint', program, service, ...args]),
  ];
  const how = { deadlineMs: 120_000, ...(options.env ? { env: options.env } : {}) };
  return change([...onStdin(target), ...words], { ...how, input: options.text });
}
