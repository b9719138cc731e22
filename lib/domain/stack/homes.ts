import { existsSync, realpathSync } from 'node:fs';
import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { read, run } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { ownerLabels } from '../../tools/docker/helpers.ts';
import { lookUp } from '../../tools/docker/lookup.ts';
import { dataDirectoryOf, isWithin, type Mount, type Place, placeOf } from '../../tools/docker/places.ts';
import type { Containers } from './containers.ts';
import type { Service, ServiceRole, Stack } from './stack.ts';

/** Where files of a service are, and where its next container would look for them. */
export interface Home {
  readonly role: ServiceRole;
  /** Inside the present container. */
  readonly directory: string;
  readonly now: Place;
  /** By the compose file as it is now, and the image that it names. */
  readonly next: Place;
}

/** What the images of the stores decide where the compose file does not. */
export interface Homes {
  readonly homes: readonly Home[];
  /** PostgreSQL's major version in the image that is named now; '' when the image does not say. */
  readonly nextMajor: string;
  /** Where the next database server keeps its data; undefined when nothing is mounted there, or the image is not here yet. */
  readonly nextData: Place | undefined;
  /** Images that are not on this machine as yet, so that what they decide is not known. */
  readonly unknown: readonly ServiceRole[];
}

/**
 * Compares where the data is with where the next containers would look: by what is mounted, not by names in the compose file. Also for
 * userdata and what is mounted in it.
 */
export async function findHomes(ops: Ops, stack: Stack, containers: Containers): Promise<Homes> {
  const roles = ['postgres', 'redis'] as const;
  const [postgres, redis] = await Promise.all(roles.map((role) => defaultsOf(ops, role, stack.services[role].image)));
  const stores = { postgres, redis };
  const homes = roles.flatMap((role): Home[] => {
    const [container, defaults] = [containers[role], stores[role]];
    if (!container || !defaults) return [];
    const { mounts, dataDirectory: directory } = container;
    return [
      { role, directory, now: placeOf(mounts.map(real), directory), next: nextPlace(stack.services[role], defaults) },
    ];
  });
  return {
    homes: [...homes, ...userdataHomes(ops, stack, containers)],
    nextMajor: postgres?.major ?? '',
    nextData: postgres && nextPlace(stack.services.postgres, postgres),
    unknown: roles.filter((role) => stores[role] === undefined),
  };
}

/** userdata and each directory in it that something is mounted at, now or next. */
export function userdataHomes(ops: Ops, stack: Stack, { app }: Containers): Home[] {
  if (!app) return [];
  const { userdata } = ops.target.app;
  const next = stack.services.app.mounts;
  const inside = [...app.mounts, ...next].map((m) => m.target).filter((target) => isWithin(target, userdata));
  return [...new Set([userdata, ...inside])].map((directory) => ({
    role: 'app',
    directory,
    now: placeOf(app.mounts.map(real), directory),
    next: placeOf(next.map(real), directory),
  }));
}

/** One directory of the host may have been named in several ways. */
function real(mount: Mount): Mount {
  if (mount.kind !== 'bind' || !existsSync(mount.source)) return mount;
  return { ...mount, source: realpathSync(mount.source) };
}

/** What the image of a store decides where the compose file does not. */
export interface Defaults {
  readonly command: readonly string[];
  readonly pgdata: string | undefined;
  readonly workingDir: string | undefined;
  readonly major: string;
  readonly volumes: readonly string[];
}

/** Where PostgreSQL's next container would keep its data; undefined when its image is not here. */
export async function nextDataOf(ops: Ops, service: Service): Promise<Place | undefined> {
  const defaults = await defaultsOf(ops, 'postgres', service.image);
  return defaults && nextPlace(service, defaults);
}

function nextPlace(service: Service, image: Defaults): Place {
  const own = image.volumes
    .filter((target) => !service.mounts.some((m) => m.target === target))
    .map((target): Mount => ({ kind: 'own', source: '', target }));
  const directory = dataDirectoryOf({
    command: service.command.length > 0 ? service.command : image.command,
    pgdata: service.environment.PGDATA || image.pgdata,
    workingDir: service.workingDir || image.workingDir,
  });
  return placeOf([...service.mounts.map(real), ...own], directory);
}

const imageSchema = z.tuple([
  z.object({
    Config: z.object({
      Env: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      Volumes: z.record(z.string(), z.unknown()).nullish(),
    }),
  }),
]);

/** `undefined` when the image is not on this machine. */
export async function defaultsOf(ops: Ops, role: 'postgres' | 'redis', image: string): Promise<Defaults | undefined> {
  const { stdout, exitCode } = await lookUp(ops, 'image', image);
  if (exitCode === 1) return undefined;
  const [{ Config }] = answerOf('docker image inspect', imageSchema, stdout);
  const variable = (name: string) => Config.Env?.find((e) => e.startsWith(`${name}=`))?.slice(name.length + 1);
  return {
    command: Config.Cmd ?? [],
    pgdata: variable('PGDATA'),
    workingDir: Config.WorkingDir ?? undefined,
    major: variable('PG_MAJOR') || (role === 'postgres' ? await majorOf(ops, image) : ''),
    volumes: Object.keys(Config.Volumes ?? {}),
  };
}

/** Of an image that does not say it in a variable: its server is asked, without data and network. '' when it has none. */
async function majorOf(ops: Ops, image: string): Promise<string> {
  const helper = ['docker', 'run', '--rm', '--network', 'none', '--pull', 'never', ...ownerLabels(ops)];
  const version = read([...helper, '--entrypoint', 'postgres', image, '--version'], { deadlineMs: 60_000 });
  // 125 to 127: it has no such program, or none that starts.
  const { stdout } = await run(ops, version, [0, 1, 125, 126, 127]);
  return /^postgres \(PostgreSQL\) (\d+)/.exec(stdout)?.[1] ?? '';
}
