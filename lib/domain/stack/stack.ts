import type { Mount } from '../../tools/docker/places.ts';

/** The compose project as the engine would run it: the resolved config, reduced to what scripts need. */
export interface Stack {
  /** Compose project name. */
  readonly project: string;
  readonly services: Readonly<Record<ServiceRole, Service>>;
  /** Named volumes of the compose file that are mounted by a service. */
  readonly volumes: readonly NamedVolume[];
  /** Full names of the project's networks. */
  readonly networks: readonly string[];
}

export type ServiceRole = 'postgres' | 'redis' | 'app';

export interface Service {
  /** Key in the compose file. */
  readonly key: string;
  readonly image: string;
  readonly ports: readonly PublishedPort[];
  /** Environment as the container's entrypoint has it: `*_FILE` read (secrets included: never shown). */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables of `environment` that the compose file gives as the name of a file. */
  readonly fromFiles: readonly string[];
  /** What the compose file mounts in it. */
  readonly mounts: readonly Mount[];
  /** Words of its command; empty where the image decides (secrets included: never shown). */
  readonly command: readonly string[];
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
  /** Contexts that the Dockerfile uses by name. */
  readonly others: Readonly<Record<string, string>>;
}

export interface PublishedPort {
  readonly target: number;
  readonly published: number;
  /** Address on the host; `0.0.0.0` when the compose file names none. */
  readonly hostIp: string;
  readonly protocol: 'tcp' | 'udp';
}

export interface NamedVolume {
  /** Key in the compose file. */
  readonly key: string;
  /** Name on the engine. */
  readonly name: string;
  readonly external: boolean;
  readonly role: ServiceRole;
  /** Mount point in the service's container. */
  readonly mountPoint: string;
  /** It is the one that the server keeps its data in: the database, Redis' keys. */
  readonly holdsData: boolean;
}

/** A container of one of the stack's services. */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** '' without a healthcheck. */
  readonly health: '' | 'starting' | 'healthy' | 'unhealthy';
  readonly restartCount: number;
  /** What compose compares to see whether it must be recreated; '' for a container that compose did not make. */
  readonly configHash: string;
  /** The container's own addresses by network. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Host ports by container port, as really bound now. */
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly Mount[];
  /** Where its server keeps its files, as the container was made. */
  readonly dataDirectory: string;
}

/** A volume as the engine reports it. */
export interface VolumeIdentity {
  readonly name: string;
  /** RFC 3339. Up to engine 22 this moves with every change in the volume's top directory: see {@link KnownVolume}. */
  readonly createdAt: string;
}

/** A volume together with what tells it from a later one of the same name. */
export interface KnownVolume extends VolumeIdentity {
  /**
   * Id of a container that has it mounted, '' without one. `createdAt` alone does not do: stopping PostgreSQL removes
   * postmaster.pid, and that moves it. But an engine removes no volume that a container has, so while that very container exists
   * the volume is the same one; and a volume that no container has is not written to.
   */
  readonly holder: string;
}

/** The running database that a helper talks to. */
export interface Database {
  readonly container: Container;
  /** POSTGRES_USER: the only login role that surely exists. */
  readonly user: string;
  readonly name: string;
  /** The volume that holds it. */
  readonly volume: VolumeIdentity;
}
