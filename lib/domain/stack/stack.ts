import { unmet } from '../../core/refusal.ts';
import type { Container, PublishedPort, VolumeIdentity } from '../../tools/docker/containers.ts';
import { type Mount, placeOf } from '../../tools/docker/places.ts';
import type { Database } from '../../tools/postgres/psql.ts';

/** The compose project as the engine would run it: the resolved config, reduced to what scripts need. */
export interface Stack {
  readonly project: string;
  /** What compose itself said of its configuration. Foreign text. */
  readonly warnings: readonly string[];
  readonly services: Readonly<Record<ServiceRole, Service>>;
  /** The services besides these three. */
  readonly others: readonly OtherService[];
  /** What of the project no run reaches, once the engine was asked. */
  readonly leftAlone?: readonly LeftAlone[];
  /** Networks that are there and that the compose file declares in another way, where somebody is told to use compose by hand. */
  readonly changedNetworks?: readonly ChangedNetwork[];
  /** Named volumes of the compose file that are mounted by a service. */
  readonly volumes: readonly NamedVolume[];
  /** Full names of the project's networks. */
  readonly networks: readonly string[];
}

export interface ChangedNetwork {
  /** On the engine. Foreign text. */
  readonly name: string;
  /** Keys of its declaration that are not so, such as `subnet` or `driver_opts com.docker.network.driver.mtu`. */
  readonly differs: readonly string[];
}

export interface OtherService {
  /** Key in the compose file. */
  readonly key: string;
  /** `image`: made from the application's; `repository`: from one of its own, built from what is in the repository. */
  readonly code: 'image' | 'repository' | 'foreign';
}

/** A service beside the three, or a container that somebody started by `docker compose run`. */
export interface LeftAlone {
  /** The service's key, or the container's name. Foreign text. */
  readonly name: string;
  /** `unknown`: the resolved configuration does not have it. */
  readonly code: OtherService['code'] | 'unknown';
  readonly runs: boolean;
}

export type ServiceRole = 'postgres' | 'redis' | 'app';

export interface Service {
  /** Key in the compose file. */
  readonly key: string;
  readonly image: string;
  /** How many containers of it compose is to run. */
  readonly replicas: number;
  /** Whose network it is in, where that is not compose's own (`host`, `service:…`); else ''. */
  readonly networkMode: string;
  readonly ports: readonly PublishedPort[];
  /** Environment as the container's entrypoint has it: `*_FILE` read (secrets included: never shown). */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables of `environment` that the compose file gives as the name of a file. */
  readonly fromFiles: readonly string[];
  /** What the compose file mounts in it. */
  readonly mounts: readonly Mount[];
  /** Its secrets and configs; `own` where they come from a variable or from the compose file itself. */
  readonly supplied: readonly Mount[];
  /** What a container of it has only from compose itself, as the compose file writes it. Foreign text. */
  readonly composeOnly: readonly string[];
  /** Words of its command; empty where the image decides (secrets included: never shown). */
  readonly command: readonly string[];
  /** Who it runs as; '' where the image decides. */
  readonly user: string;
  /** '' where the image decides. */
  readonly workingDir: string;
  /** The compose file's own entrypoint and command; empty when the image's count. May hold secrets: never shown. */
  readonly starts: readonly string[];
  /** `undefined` for a service whose image is only pulled. */
  readonly build: BuildSection | undefined;
}

/** Where compose would build from: absolute paths, or addresses. */
export interface BuildSection {
  readonly context: string;
  readonly dockerfile: string | undefined;
  /** The stage of the Dockerfile that is the image; `undefined`: the last one. */
  readonly target?: string | undefined;
  /** Contexts that the Dockerfile uses by name. */
  readonly others: Readonly<Record<string, string>>;
}

export interface NamedVolume {
  /** Key in the compose file. */
  readonly key: string;
  readonly name: string;
  readonly external: boolean;
  readonly role: ServiceRole;
  /** Mount point in the service's container. */
  readonly mountPoint: string;
  /** It is the one that the server keeps its data in: the database, Redis' keys. */
  readonly holdsData: boolean;
}

/** The database as its container is told to be: name and superuser from the container's environment. */
export function databaseOf(stack: Stack, container: Container, volumes: readonly VolumeIdentity[]): Database {
  const named = databaseVolume(stack.volumes);
  const volume = volumes.find((v) => v.name === named?.name);
  const now = placeOf(container.mounts, container.dataDirectory);
  if (volume === undefined || (now.kind === 'volume' && now.source !== volume.name)) throw noVolume(named?.name ?? '?');
  return { container, ...loginOf(stack), volume };
}

/** The volume that PostgreSQL keeps its data in; the service may have others. */
export const databaseVolume = <V extends NamedVolume>(volumes: readonly V[]): V | undefined =>
  volumes.find((v) => v.role === 'postgres' && v.holdsData);

/** Superuser and database that the container's environment asks for. */
export function loginOf({ services }: Stack): { readonly user: string; readonly name: string } {
  const { environment } = services.postgres;
  const user = environment.POSTGRES_USER || 'postgres'; // the official image's default
  return { user, name: environment.POSTGRES_DB || user };
}

/**
 * What `docker run` needs so that a server beside the one that serves is the compose file's: who it runs as, its variables, its command, and
 * what it has of this machine, which it can't write to. Of volumes it has those that are given.
 */
export function serverWords(
  { user, mounts, supplied, command }: Service,
  { env, image, volumes = [] }: { readonly env: object; readonly image: string; readonly volumes?: readonly string[] },
): string[] {
  const binds = [...mounts, ...supplied].filter((m) => m.kind === 'bind').map((m) => `${m.source}:${m.target}:ro`);
  return [
    ...(user ? ['--user', user] : []),
    ...Object.keys(env).flatMap((name) => ['-e', name]),
    ...[...binds, ...volumes].flatMap((mount) => ['-v', mount]),
    ...[image, ...command],
  ];
}

const noVolume = (name: string) =>
  unmet(
    {
      en: `The database's volume ${name} does not exist, although its container does: the compose file names another volume than the one that it has.`,
      zh: `数据库容器存在, 但数据卷 ${name} 不存在: compose 文件中的卷名与容器实际使用的不同.`,
    },
    {
      en: 'Compare: docker volume ls, and the volumes in the compose file.',
      zh: '请对照 docker volume ls 与 compose 文件中的 volumes.',
    },
    {
      en: 'If it is the volume for another major version of PostgreSQL: npx tsx scripts/upgrade-postgres.ts --to IMAGE',
      zh: '若该卷用于升级 PostgreSQL 大版本: npx tsx scripts/upgrade-postgres.ts --to IMAGE',
    },
  );
