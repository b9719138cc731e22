import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { AppContainer } from './app-container.ts';
import type { VirtualClock } from './clock.ts';
import { type Cluster, type HbaRule, hbaRules, initdb, PGDATA } from './cluster.ts';
import type { Doorman } from './doorman.ts';
import type { Ledger } from './ledger.ts';
import type { Release } from './release.ts';
import type { Tree } from './tar.ts';

export interface Image {
  readonly id: string;
  readonly tags: Set<string>;
  readonly program: 'postgres' | 'redis' | 'app';
  /** What an application's image was built from. */
  readonly release?: Release;
  /** What its own variables are instead of the usual ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** Versions of what its PostgreSQL sorts text with. */
  readonly libraries?: { readonly c: string | null; readonly i: string | null };
  /** Extensions and parameters that its PostgreSQL does not have. */
  readonly lacks?: readonly string[];
  /** Files of a container that were committed into it. */
  readonly layer?: Tree;
  /** A container from it has them, too, where it is not given others. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Whatever the build was given, by path: a `COPY .` takes it all. */
  readonly files?: ReadonlySet<string>;
  /** Made by somebody else before. */
  readonly legacy?: boolean;
}

export interface Volume {
  readonly name: string;
  /** As engines up to 22 say it: moves when something in the top directory comes or goes. */
  createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  /** With a device among them, the files are there, and stay when the volume goes. */
  options?: Readonly<Record<string, string>> | undefined;
  readonly files: Tree;
}

export interface Port {
  readonly target: number;
  readonly published: number;
  /** Where it is bound; every address without one. */
  readonly hostIp?: string | undefined;
}

/** What a container has of the machine's files, as it was when the container was made. */
export type BindKind = 'file' | 'full' | '-';

export interface Session {
  readonly application: string;
  readonly database: string;
  /** Over TCP from another container, let in under a rule that asks for no password. */
  readonly trusted: boolean;
}

/** A running server's own state. */
export interface Server {
  readonly cluster: Cluster;
  inForce: readonly HbaRule[];
  loadedAt: number;
  sessions: Session[];
  readonly readyAt: number;
  readonly snapshots: Map<string, { database: string; content: string }>;
  /** What of logical replication hangs on the application's database. */
  replication?: { readonly subscriptions?: readonly string[]; readonly slots?: readonly string[] };
  /** In its own configuration files. */
  told?: readonly { readonly name: string; readonly value: string }[];
  extensions?: readonly string[];
  /** Sessions of others than the scripts. */
  visitors?: readonly { readonly address: string | null; readonly who: string }[];
  /** Databases that are sorted by a library. */
  sorted?: readonly { readonly database: string; readonly provider: 'c' | 'i'; readonly version: string }[];
  /** Collations that columns and indexes name. */
  collations?: readonly {
    readonly collation: string;
    readonly provider: 'c' | 'i';
    readonly version: string;
    readonly indexes: readonly string[];
  }[];
  /** How many transactions each look finds under way. */
  transactions?: number[];
  /** Somebody keeps even readers from a table, until then by the server's clock. */
  locked?: { readonly query: string; readonly until: number };
}

export interface Spec {
  readonly name: string;
  readonly image: Image;
  readonly env: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Program and arguments; without them the image's own. */
  readonly command?: readonly string[];
  /** Networks with the names by which it is known there. `container:<id>` shares that one's. */
  readonly networks: Readonly<Record<string, readonly string[]>>;
  readonly ports?: readonly Port[];
  /** Of its own choice. */
  readonly addresses?: readonly string[];
  /** Volume names by mount point; undefined for an anonymous one or a tmpfs. */
  readonly mounts?: Readonly<Record<string, string | undefined>>;
  /** The host's file that is mounted as /app/.env; the entrypoint reads it at each start. */
  readonly envFile?: string | undefined;
  /** The host's paths by mount point. */
  readonly binds?: Readonly<Record<string, string>>;
  readonly autoRemove?: boolean;
  /** Empty without one. */
  readonly healthcheck?: readonly string[];
  readonly readOnly?: boolean;
  /** The restart policy; as `unless-stopped` without one. */
  restart?: string | undefined;
  /** By mount point. */
  readonly bindKinds?: Readonly<Record<string, BindKind>>;
  /** Something stands in the place of supervisord. */
  readonly trial?: boolean;
  /** The host's file in which a trial reports. */
  readonly report?: string | undefined;
}

export interface Container extends Spec {
  readonly id: string;
  name: string;
  state: 'created' | 'running' | 'paused' | 'exited' | 'restarting';
  exitCode: number;
  startedAt: number;
  endedAt?: number;
  /** By whoever asked the engine to. */
  stoppedByHand?: boolean;
  /** Files in its writable layer, by absolute path. */
  readonly layer: Tree;
  /** Files of mounts that are no named volumes. */
  readonly anonymous: Record<string, Tree>;
  readonly address: string;
  server?: Server | undefined;
  /** The source of one of its mounts is gone: it neither starts nor can its files be reached. */
  brokenMount?: boolean;
  /** Its writable layer is gone from the disk: nothing of it can be read any more. */
  brokenLayer?: boolean;
  /** What the entrypoint has read. */
  sourced?: Readonly<Record<string, string>>;
  /** Processes of the application, once it was started. */
  app?: AppContainer | undefined;
  /** What its first process said. */
  said?: string;
  /** It takes requests while another one is replaced. */
  doorman?: Doorman;
}

export class EngineError extends Error {}

export function requireLayer({ brokenLayer }: Container): void {
  if (brokenLayer)
    throw new EngineError(
      'Error response from daemon: error creating overlay mount to /merged: no such file or directory',
    );
}

export function requireMounts(container: Container): void {
  requireLayer(container);
  const { brokenMount } = container;
  if (brokenMount)
    throw new EngineError('Error response from daemon: error mounting "/srv/cert" to rootfs: not a directory');
}

const TRIED = '{"tried":["nginx","whalefall_web"],"wrong":null}';

/** Images, volumes, networks and containers, and what happens to what is in them. */
export class Engine {
  readonly images: Image[] = [];
  readonly volumes = new Map<string, Volume>();
  /** What is in directories of this machine and on servers of files that volumes are made of. */
  readonly devices = new Map<string, Tree>();
  /** Labels by name. */
  readonly networks = new Map<string, Readonly<Record<string, string>>>([
    ['bridge', {}],
    ['none', {}],
  ]);
  readonly containers: Container[] = [];
  /** The containerd image store: with its last name an image is gone, whoever runs from it. */
  losesUnnamed = false;
  /** Every release that there was an image or a commit of, by its commit. */
  readonly releases = new Map<string, Release>();
  /** What an application's nginx answers for its pages. */
  pageStatus: (container: Container) => number = () => 200;
  /** This machine's. */
  readonly addresses = new Set(['127.0.0.1']);
  /** Those that will be gone when a container is started. */
  readonly vanishing = new Set<string>();
  #made = 0;
  /** Called before a container goes. */
  onRemove: (container: Container) => void = () => undefined;
  readonly clock: VirtualClock;
  readonly #ledger: Ledger;

  constructor(clock: VirtualClock, ledger: Ledger) {
    this.clock = clock;
    this.#ledger = ledger;
  }

  newId(): string {
    this.#made += 1;
    return createHash('sha256').update(`thing ${this.#made}`).digest('hex');
  }

  addImage(program: Image['program'], tag: string, more: Partial<Omit<Image, 'tags' | 'program'>> = {}): Image {
    const id = more.id ?? `sha256:${this.newId()}`;
    const present = this.images.find((i) => i.id === id);
    if (more.release) this.releases.set(more.release.commit, more.release);
    const image: Image = present ?? { ...more, id, tags: new Set(), program };
    if (!present) this.images.push(image);
    this.tag(image, tag);
    return image;
  }

  tag(image: Image, tag: string): void {
    const former = this.images.find((other) => other.tags.has(tag));
    former?.tags.delete(tag);
    image.tags.add(tag);
    if (former && this.losesUnnamed && former.tags.size === 0) this.images.splice(this.images.indexOf(former), 1);
  }

  findImage(reference: string): Image | undefined {
    return this.images.find((i) => i.id === reference || i.tags.has(reference));
  }

  image(reference: string): Image {
    const found = this.findImage(reference);
    if (!found) throw new EngineError(`Error: No such image: ${reference}`);
    return found;
  }

  find(reference: string): Container | undefined {
    return this.containers.find((c) => c.id === reference || c.name === reference);
  }

  container(reference: string): Container {
    const found = this.find(reference);
    if (!found) throw new EngineError(`Error: No such container: ${reference}`);
    return found;
  }

  createVolume(name: string, labels: Readonly<Record<string, string>> = {}, options?: Volume['options']): Volume {
    const { device } = options ?? {};
    const files = (device !== undefined && this.devices.get(device)) || {};
    if (device !== undefined) this.devices.set(device, files);
    const volume = this.volumes.get(name) ?? { name, createdAt: this.clock.stamp(), labels, options, files };
    this.volumes.set(name, volume);
    return volume;
  }

  create(spec: Spec): Container {
    if (this.find(spec.name))
      throw new EngineError(
        `Error response from daemon: Conflict. The container name "/${spec.name}" is already in use`,
      );
    for (const network of Object.keys(spec.networks)) {
      if (!network.startsWith('container:') && !this.networks.has(network))
        throw new EngineError(`Error response from daemon: network ${network} not found`);
    }
    const mounts = spec.image.program === 'postgres' ? { [PGDATA]: undefined, ...spec.mounts } : (spec.mounts ?? {});
    const anonymous: Record<string, Tree> = {};
    for (const [target, name] of Object.entries(mounts)) {
      if (name === undefined) anonymous[target] = {};
      else this.createVolume(name);
    }
    const container: Container = {
      ...spec,
      id: this.newId(),
      env: { ...spec.image.env, ...spec.env },
      labels: { ...spec.image.labels, ...spec.labels },
      mounts,
      anonymous,
      state: 'created',
      exitCode: 0,
      startedAt: 0,
      layer: { ...spec.image.layer },
      address: `172.18.${(this.#made >> 8) & 255}.${this.#made & 255}`,
    };
    this.containers.push(container);
    return container;
  }

  hasAddress = (address: string): boolean => ['', '0.0.0.0'].includes(address) || this.addresses.has(address);

  start(container: Container): void {
    if (container.state === 'running') return;
    const isGone = (address: string) => this.vanishing.has(address) || !this.hasAddress(address);
    const { hostIp } = container.ports?.find((p) => isGone(p.hostIp ?? '0.0.0.0')) ?? {};
    if (hostIp !== undefined)
      throw new EngineError(`Error response from daemon: listen tcp4 ${hostIp}: bind: cannot assign requested address`);
    requireMounts(container);
    if (
      this.containers.some((c) => c.state === 'running' && c.addresses?.some((a) => container.addresses?.includes(a)))
    )
      throw new EngineError('Error response from daemon: Address already in use');
    if (container.trial) {
      const wrong = new AppContainer(this, container).tryStart();
      if (wrong === undefined) writeFileSync(container.report ?? '', TRIED);
      Object.assign(container, { state: 'exited', exitCode: wrong === undefined ? 0 : 1, said: wrong ?? '' });
      return;
    }
    const taken = this.containers.find(
      (c) =>
        c.state === 'running' && c.ports?.some((p) => container.ports?.some((own) => own.published === p.published)),
    );
    if (taken) throw new EngineError('Error response from daemon: driver failed: port is already allocated');
    container.state = 'running';
    container.stoppedByHand = false;
    container.startedAt = this.clock.monotonic();
    if (runs(container) === 'postgres') this.#startServer(container);
    if (runs(container) === 'app') {
      container.app ??= new AppContainer(this, container);
      container.app.boot();
    }
    if (runs(container) === 'redis') this.filesAt(container, '/data')['appendonly.aof'] ??= 'no keys';
  }

  #startServer(container: Container): void {
    const { mount, inside } = this.dataOf(container);
    const files = this.filesAt(container, mount);
    const name = path.posix.join(inside, 'cluster');
    const isNew = files[name] === undefined;
    const major = container.image.env?.PG_MAJOR ?? '15';
    const { POSTGRES_USER: user = 'postgres', POSTGRES_PASSWORD: password = '', POSTGRES_DB } = container.env;
    files[name] ??= initdb(
      BigInt(`0x${this.newId().slice(0, 15)}`).toString(),
      user,
      password,
      POSTGRES_DB ?? user,
      major,
    );
    const cluster = files[name] as Cluster;
    // FATAL: database files are incompatible with server
    if ((cluster.major ?? '15') !== major) return this.stop(container, 1);
    cluster.written += 100;
    this.#moveDate(container);
    const now = this.clock.monotonic();
    container.server = {
      cluster,
      inForce: hbaRules(cluster.hba),
      loadedAt: now,
      sessions: [],
      readyAt: now + (isNew ? 1_500 : 300),
      snapshots: new Map(),
    };
  }

  /** Where PostgreSQL's data is: the mount at or above PGDATA, and the directory below it. */
  dataOf({ env, mounts = {} }: Container): { mount: string; inside: string } {
    const directory = env.PGDATA ?? PGDATA;
    const [mount = directory] = Object.keys(mounts)
      .filter((m) => `${directory}/`.startsWith(`${m}/`))
      .sort((a, b) => b.length - a.length);
    return { mount, inside: path.posix.relative(mount, directory) };
  }

  /** postmaster.pid comes and goes in the top directory, and the volume's date with it. */
  #moveDate(container: Container): void {
    const volume = this.volumes.get(container.mounts?.[this.dataOf(container).mount] ?? '');
    if (volume) volume.createdAt = this.clock.stamp();
  }

  stop(container: Container, exitCode = 0): void {
    if (!['running', 'paused', 'restarting'].includes(container.state)) return;
    container.state = 'exited';
    container.endedAt = this.clock.monotonic();
    container.app?.stop();
    container.exitCode = exitCode;
    if (container.server) this.#moveDate(container);
    container.server = undefined;
    if (container.autoRemove) this.remove(container);
  }

  /** The machine goes down and comes up: containers start again as their policies say, in any order, and are refused what is taken. */
  reboot(): void {
    const all = [...this.containers];
    const wereUp = new Set(all.filter((c) => c.state === 'running'));
    for (const c of all) this.stop(c, 255);
    for (const c of all.toReversed()) {
      const { restart = 'unless-stopped', state, stoppedByHand } = c;
      const starts =
        restart === 'always' ? state !== 'created' : restart === 'unless-stopped' && wereUp.has(c) && !stoppedByHand;
      if (starts) this.#startIfFree(c);
    }
  }

  #startIfFree(container: Container): void {
    try {
      this.start(container);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
    }
  }

  remove(container: Container): void {
    this.onRemove(container);
    container.state = 'exited';
    container.app?.stop();
    container.server = undefined;
    this.containers.splice(this.containers.indexOf(container), 1);
    container.doorman?.onEnd();
    this.#ledger.containerGone(container);
  }

  removeVolume(name: string): void {
    const volume = this.volumes.get(name);
    if (!volume) throw new EngineError(`Error: No such volume: ${name}`);
    const holder = this.containers.find((c) => Object.values(c.mounts ?? {}).includes(name));
    if (holder) throw new EngineError(`Error response from daemon: remove ${name}: volume is in use - [${holder.id}]`);
    this.volumes.delete(name);
    this.#ledger.volumeGone(volume);
  }

  /** The files of a directory: those of the mount there, else those of the layer, by absolute path. */
  filesAt(container: Container, directory: string): Tree {
    const name = container.mounts?.[directory];
    if (name !== undefined) return this.createVolume(name).files;
    return container.anonymous[directory] ?? container.layer;
  }

  isMount = (container: Container, directory: string) => directory in (container.mounts ?? {});

  /** What happened by itself since somebody looked. */
  catchUp(): void {
    for (const { app } of this.containers) app?.catchUp();
  }

  /** Whoever answers on a port of this machine. */
  publisher(port: number): { container: Container; target: number } | undefined {
    for (const container of this.containers) {
      const bound = container.ports?.find((p) => p.published === port);
      if (bound && (container.state === 'running' || container.state === 'paused'))
        return { container, target: bound.target };
    }
    return undefined;
  }

  at(address: string): Container | undefined {
    return this.containers.find((c) => c.state === 'running' && c.address === address);
  }

  /** Who is meant by a name in the networks of a container. */
  resolve(from: Container, host: string): Container | undefined {
    const shared = Object.keys(from.networks).find((n) => n.startsWith('container:'));
    if (shared) return this.resolve(this.container(shared.slice(10)), host);
    return this.containers.find(
      (c) =>
        c.state === 'running' &&
        Object.entries(c.networks).some(
          ([network, aliases]) => network in from.networks && (c.address === host || aliases.includes(host)),
        ),
    );
  }
}

/** What a container's main process is. */
export function runs(container: Container): 'postgres' | 'redis' | 'app' | 'sleep' | 'doorman' {
  if (container.command?.[1] === '/doorman.py') return 'doorman';
  return container.command?.[0] === 'sleep' ? 'sleep' : container.image.program;
}
