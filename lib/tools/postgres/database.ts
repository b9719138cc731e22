import type { Container, VolumeIdentity } from '../docker/containers.ts';

/** The running database that a helper talks to. */
export interface Database {
  readonly container: Container;
  /** POSTGRES_USER: the only login role that surely exists. */
  readonly user: string;
  readonly name: string;
  /** The volume that holds it. */
  readonly volume: VolumeIdentity;
}
