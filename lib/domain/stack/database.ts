import { unmet } from '../../core/refusal.ts';
import type { Container, VolumeIdentity } from '../../tools/docker/containers.ts';
import { placeOf } from '../../tools/docker/places.ts';
import type { Database } from '../../tools/postgres/database.ts';
import type { NamedVolume, Service, Stack } from './stack.ts';

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
