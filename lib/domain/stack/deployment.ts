import type { Text } from '../../core/text.ts';
import type { PublishedPort } from '../../tools/docker/containers.ts';
import type { Mount } from '../../tools/docker/places.ts';
import type { Checkout } from '../../tools/git/checkout.ts';
import type { TableFacts } from '../../tools/postgres/contents.ts';
import type { DataIdentity } from '../../tools/postgres/identity.ts';
import type { Login } from '../../tools/postgres/login.ts';
import type { ExampleFacts } from '../env/example.ts';
import type { BrokenBind } from './binds.ts';
import type { Containers, ExistingVolume } from './containers.ts';
import type { DataDirectory } from './data-directory.ts';
import type { Homes } from './homes.ts';
import type { UnusablePort } from './ports.ts';
import type { ChangedNetwork, ServiceRole, Stack } from './stack.ts';

/** Everything the plan of a full rebuild depends on, as the survey found it. Plain data: no secret, no handle. */
export interface Facts {
  readonly engine: string;
  readonly compose: string;
  readonly checkout: Checkout;
  /** `created` after asking, when it was absent or had no secrets; `would-create` under `--plan`. */
  readonly env: 'present' | 'created' | 'would-create';
  readonly stack: Stack;
  readonly containers: Containers;
  /** Of those that do not run because a run stopped them and was killed. */
  readonly stopped?: Readonly<Partial<Record<ServiceRole, Stopped>>>;
  readonly volumes: readonly ExistingVolume[];
  readonly database: DatabaseFacts;
  /** Where data is, and where the next containers would look for it. */
  readonly data: Homes;
  /** Databases that the next image would sort with another library. */
  readonly collation: readonly CollationChange[];
  /** Data directories in volumes that no service mounts, where what is mounted has nothing; undefined when nobody could look. */
  readonly detached: readonly DataDirectory[] | undefined;
  /** See `lastingKeys`. */
  readonly redisKeys: number | undefined;
  /** Whatever is there is nobody's data. */
  readonly fresh: boolean;
  readonly app: AppFacts | undefined;
  /** Set when `.env` was changed after the application's container had been started. */
  readonly envChange?: EnvChange | undefined;
  /** `.env` against the example of what will be built. */
  readonly example?: ExampleFacts | undefined;
  /** Mounts of the compose file over what will be built. */
  readonly hidden?: readonly Hidden[] | undefined;
  /** What of the release git does not have, and is taken as it lies here. */
  readonly asItLies?: readonly Text[];
  /** Published ports of the stack that the engine could not bind. */
  readonly unusablePorts: readonly UnusablePort[];
  /** Networks that are there and that the compose file declares in another way; absent: not looked at. */
  readonly changedNetworks?: readonly ChangedNetwork[];
  /** What of this machine the services mount and is not there, or not as it was. */
  readonly brokenBinds: readonly BrokenBind[];
  /** How a login over TCP with the password of the new containers goes at the server that runs now; `undefined` when none runs. */
  readonly login: Login | undefined;
  /** Published ports of PostgreSQL and Redis that are reachable from other machines. */
  readonly exposedPorts: readonly PublishedPort[];
  /** What the application works on beside its requests; undefined when it does not run, or its database. */
  readonly jobs?: Jobs | undefined;
  /** Bytes free where backups go. */
  readonly freeBytes: number;
  /** Files by which pending migrations commit on their way: a failure leaves what came before. */
  readonly midway: readonly MidwayFile[];
  readonly milliseconds: number;
  /** Whether both stores run and already are what the compose file says. */
  readonly storesCurrent: boolean;
  /** Stores whose containers are not what the compose file says, whether they run or not. */
  readonly storesOutdated: readonly ServiceRole[];
}

/** Why a container does not run that no person meant to be down. */
export interface Stopped {
  /** The beginning of the name of the run that stopped it and was killed. */
  readonly run: string;
  /** What has become of the data since: then the application's former code must not start on it. */
  readonly moved?: Moved | undefined;
}

/** A run that had begun to move data, did not end, and has not brought it back. */
export interface Moved {
  /** Its name. */
  readonly run: string;
  readonly what: 'migrating' | 'swap' | 'removing';
  /** Directory of the last backup that it took; undefined: none. */
  readonly backup: string | undefined;
}

/** A database whose text indexes were built with another version of the library that sorts than the next image has. */
export interface CollationChange {
  readonly database: string;
  /** A collation of that database that is named in it, not the database's own: its name and its indexes, as SQL has them. */
  readonly named?: { readonly collation: string; readonly indexes: readonly string[] };
  readonly from: string;
  /** Null: that image's server can't tell. */
  readonly to: string | null;
}

/** A mount that lies over files of a release: what is behind it comes from elsewhere, whatever is released. */
export interface Hidden {
  readonly mount: Pick<Mount, 'kind' | 'source' | 'target'>;
  /** How many files of the release are not to be seen. */
  readonly files: number;
  /** Directories in the container that are built for it, of which the same is true. */
  readonly built: readonly string[];
  /** The target configuration says so: no release touches them. */
  readonly isKept: boolean;
}

/** Work that the application has begun and that no connection tells of: a thread that a request started and did not wait for. */
export interface Job {
  /** What it is called for a person. */
  readonly name: string;
  /** When it began: ISO 8601, with its zone. */
  readonly since: string;
}

export interface Jobs {
  /** Undefined: they could not be asked for. */
  readonly underWay: readonly Job[] | undefined;
  /** When the oldest process was started that could be at one. ISO 8601. */
  readonly from: string;
}

/** A file by which an upgrade commits on its way. */
export interface MidwayFile {
  /** Its path in the repository. */
  readonly file: string;
  /** Inside a migration, not between two: when that one fails, rows that it changed may stay, and no schema tells. */
  readonly within: boolean;
}

export type DatabaseFacts =
  /** No database volume. */
  | { readonly kind: 'none' }
  /** The volume exists, its server does not run; what was found in the volume, if there was an image to look with. */
  | { readonly kind: 'stopped'; readonly found: readonly DataDirectory[] | undefined }
  /** The server runs and could not be asked. */
  | ({ readonly kind: 'unreadable' } & Unreadable)
  | {
      readonly kind: 'running';
      readonly bytes: number;
      readonly tables: number;
      readonly largest: readonly TableFacts[];
      /** Alembic's revision; `undefined` without a version table. */
      readonly revision: string | undefined;
      /** Rules that let somebody in from elsewhere without a password. */
      readonly remoteTrust: number;
      readonly identity: DataIdentity;
      /** The whole cluster is as initdb left it. */
      readonly empty: boolean;
    };

export interface AppFacts {
  /** About how many bytes of userdata go with the container; where all of it is mounted, how many that has. */
  readonly userdataBytes: number;
  /** Set when it does not run, and its userdata can't be read. */
  readonly unreachable?: Unreachable | undefined;
  /** Both health checks were healthy. */
  readonly serving: boolean;
  /** What else nginx leads people to; `undefined` when it does not run. */
  readonly served: Served | undefined;
  /** supervisord's programs; `undefined` when it does not run, or does not tell. */
  readonly programs: readonly ProgramState[] | undefined;
  /** The state directory of the deploy directory is in it: see `app/state-inside.ts`. */
  readonly holdsState: boolean;
  /** What the engine still has of the image that it was made from. */
  readonly image: 'named' | 'unnamed' | 'gone';
  /** Commit that it runs, by its files; `undefined`: none that is known here, or it does not run. */
  readonly commit: string | undefined;
  /** The same, with what else was seen; `undefined` when it does not run. */
  readonly running: RunningCode | undefined;
  /** Commit of the ledger's last release. */
  readonly released: string | undefined;
}

/** A place that nginx leads people to, beside the application's health checks. */
export interface Route {
  /** Who answers there: a program's name, or the pages. */
  readonly name: Text;
  readonly path: string;
  /** Pages are well served with a page, a program's route with any answer of the program's own. */
  readonly kind: 'pages' | 'program';
  /** Another route is served from the same file: it is proved, and its requests are not counted twice. */
  readonly isSame: boolean;
  /** Another port of the container than nginx' usual one, and the name that stands in the request. */
  readonly at?: { readonly port: number; readonly tls: boolean; readonly host?: string };
}

/** What nginx leads people to, and how it is served. */
export interface Served {
  /** Each with what is wrong with it, if anything is. */
  readonly routes: readonly (Route & { readonly fault?: Text | undefined })[];
  /** What nobody can watch or prove, because nginx's configuration does not tell. */
  readonly unwatched: Text | undefined;
  /** Programs to which nginx leads people, whether or not that can be watched, each with one of the places; the web program is none of them. */
  readonly led: readonly { readonly program: string; readonly path: string }[];
}

/** What supervisord says of a program. */
export interface ProgramState {
  readonly name: string;
  /** RUNNING, STARTING, BACKOFF, STOPPING, STOPPED, EXITED, FATAL. */
  readonly state: string;
}

/** Why userdata of a container that does not run can't be saved. */
export interface Unreachable {
  readonly why: Text;
  /** Its layer was tried as well; otherwise that is left to the run. */
  readonly certain: boolean;
}

/** `.env` is another one than the container that serves was started with. The container reads it again at each start. */
export interface EnvChange {
  /** Variables that differ; never their values. */
  readonly names: readonly string[];
  /** The former file is kept, so that going back can put it in place. */
  readonly isKept: boolean;
}

/** Why a running server can't be read, and what to do about it. */
export interface Unreadable {
  readonly why: Text;
  readonly fix: Text;
}

/** What code lies in the application's container: told by its files, not by what somebody noted. */
export interface RunningCode {
  /** The commit whose files they are; of several, the likeliest. `undefined`: of none that is known here. */
  readonly commit: string | undefined;
  /** The commit that comes nearest, and how many of its files are others there; `undefined` when none could be compared. */
  readonly nearest: { readonly commit: string; readonly differs: number } | undefined;
  /** What the container says of itself. */
  readonly marked: string | undefined;
}
