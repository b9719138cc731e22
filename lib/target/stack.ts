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
  /** Environment as the container gets it (secrets included: never shown). */
  readonly environment: Readonly<Record<string, string>>;
}

export interface PublishedPort {
  readonly target: number;
  readonly published: number;
  /** Address on the host; `0.0.0.0` when the compose file names none. */
  readonly hostIp: string;
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
  /** The container's own addresses by network. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Host ports by container port, as really bound now. */
  readonly ports: readonly PublishedPort[];
}

/** A volume together with what tells it from another one that later bears the same name. */
export interface VolumeIdentity {
  readonly name: string;
  /** As the engine reports it, RFC 3339. */
  readonly createdAt: string;
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
