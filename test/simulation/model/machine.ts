import { chmodSync, closeSync, fstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { asTyped } from '../../../lib/core/run.ts';
import { VirtualClock } from './clock.ts';
import { attach, docker } from './docker-cli.ts';
import { throughDoor } from './door.ts';
import { draining } from './draining.ts';
import { Engine, EngineError } from './engine.ts';
import { curl } from './engine-api.ts';
import { Firewall } from './firewall.ts';
import { unknown } from './flags.ts';
import { migration } from './flask.ts';
import { freezer } from './freezer.ts';
import { Repository } from './git.ts';
import type { Host } from './host.ts';
import { inside } from './in-container.ts';
import { KILLED } from './later.ts';
import { Ledger } from './ledger.ts';
import type { Call, Conversation, Programs, Reply } from './process.ts';
import { conversation } from './psql.ts';
import { type Release, release } from './release.ts';
import { namesIn, unpack } from './tar.ts';
import { untar } from './ustar.ts';

/** Scripts in the application's container that somebody holds the stdin of. */
const ATTACHED =
  / exec -i (?:-u 0 )?\S+ \S+ -c import json, sys; exec\(json\.loads\(sys\.stdin\.readline\(\)\)\) (drain|freeze)$/;
const AGENTS = { drain: draining, freeze: freezer };

/** Answers a call in place of the model, or `undefined` to leave it to the model. */
export type Override = (call: Call, typed: string) => Reply | undefined;

/** A server with Docker on it: everything that outlives a run of a script. */
export class Machine implements Host, Programs {
  readonly clock = new VirtualClock();
  readonly ledger = new Ledger();
  readonly engine = new Engine(this.clock, this.ledger);
  readonly firewall = new Firewall(this.clock);
  readonly registry = new Map<string, 'postgres' | 'redis'>();
  /** What is checked out in the deploy directory. */
  release: Release = release('a release');
  /** Commands that changed something, in order. */
  readonly changes: string[] = [];
  /** Ports that something outside of Docker listens on. */
  readonly takenPorts = new Set<number>();
  readonly absent = new Set<string>(['iptables', 'ip6tables', 'sudo']);
  /** Special answers, for what only one test needs. */
  override: Override = () => undefined;
  /** A user's doing, each time that a dump is taken while the application serves. */
  onDump: () => void = () => undefined;
  /** The deploy directory's repository; without one, git knows {@link release} alone. */
  repository: Repository | undefined;
  cut = false;
  /** Told of every call. */
  onCall: (call: Call) => void = () => undefined;
  endpoint = 'unix:///var/run/docker.sock';
  /** By the file's inode: the open file that has it locked. */
  readonly #locks = new Map<number, number>();

  missing = (program: string) => this.absent.has(program);

  changed(call: Call): void {
    this.changes.push(asTyped(call.argv));
  }

  latency({ argv }: Call): number {
    const typed = argv.join(' ');
    if (/ build /.test(typed)) return 30_000;
    if (/docker (run|create|stop|start|restart|rm)|compose .* (up|run) |containers\/create/.test(typed)) return 300;
    if (/ (flask|admin) \/app/.test(typed)) return 900;
    return 15;
  }

  converse(call: Call): Conversation | Reply | undefined {
    if (call.argv.slice(0, 3).join(' ') === 'docker run -i') return attach(this, call);
    const typed = call.argv.join(' ');
    if (typed.endsWith(' db upgrade')) return migration((input) => this.run({ ...call, input: Buffer.from(input) }));
    const isSession = call.argv.includes('psql') && / exec -i (?:-e \S+ )*-e PGAPPNAME \S+ psql /.test(typed);
    const attached = ATTACHED.exec(typed)?.[1] as keyof typeof AGENTS | undefined;
    if (!isSession && !attached) return undefined;
    const special = this.override(call, asTyped(call.argv));
    if (special) return special;
    try {
      return (attached ? AGENTS[attached] : conversation)(inside(this, call));
    } catch (error) {
      if (error instanceof EngineError) return { exitCode: 1, stderr: error.message };
      throw error;
    }
  }

  run(call: Call): Reply {
    this.engine.catchUp();
    this.onCall(call);
    const special = this.override(call, asTyped(call.argv));
    if (special) return special;
    if (call.argv.includes('pg_dump')) this.onDump();
    switch (call.argv[0]) {
      case 'docker':
        return docker(this, call);
      case 'git':
        return this.repository?.run(call, (c) => this.changed(c)) ?? this.#git(call);
      case 'curl':
        return call.argv.includes('--local-port') ? visit(this, call) : curl(this, call);
      case 'cat':
        return {}; // nobody is in the engine's proxy
      case 'iptables':
      case 'iptables-restore':
      case 'ip6tables':
      case 'ip6tables-restore':
        return this.firewall.run(call, () => this.changed(call));
      case 'tar':
        return tar(call);
      case 'flock':
        return this.#flock(call);
    }
    return unknown(call.argv.join(' '));
  }

  /** What the call was at in there gets half of it done; the rest is lost with it. */
  appDies(call: Call): Reply | undefined {
    this.engine.catchUp();
    const serving = this.engine.containers.filter((c) => c.app && c.state === 'running');
    const inside = call.argv[1] === 'exec' && serving.find((c) => call.argv.includes(c.id));
    this.cut = true;
    if (inside) this.run(call);
    this.cut = false;
    for (const c of serving) c.app?.die();
    return inside ? KILLED : undefined;
  }

  #git(call: Call): Reply {
    const { argv } = call;
    const words = argv.slice(argv.indexOf('-C') + 2).join(' ');
    if (words === 'log -1 --format=%H%n%s') return { stdout: `${this.release.commit}\nA release\n` };
    if (words.startsWith('config ')) return { exitCode: 1 };
    if (words.startsWith('status --porcelain')) return { stdout: '' };
    const repository = new Repository(argv[argv.indexOf('-C') + 1] ?? '', () => undefined);
    for (const known of new Set([this.release, ...this.engine.releases.values()]))
      repository.objects.addRelease(known, [], 0);
    repository.refs.set('refs/heads/main', this.release.commit);
    repository.remote.set('main', this.release.commit);
    return repository.run(call, (c) => this.changed(c));
  }

  /** The kernel's lock belongs to the open file: it is gone when that is closed. */
  #flock({ argv, extraFd }: Call): Reply {
    const [, how] = /^flock -n -(x|s) -E 75 3$/.exec(argv.join(' ')) ?? unknown(argv.join(' '));
    const { ino } = fstatSync(extraFd ?? unknown('flock without a file'));
    const holder = this.#locks.get(ino);
    if (holder !== undefined && holder !== extraFd && isOpen(holder, ino)) return { exitCode: 75 };
    // Shared ones are asked for only to see whether it is free.
    if (how === 'x' && extraFd !== undefined) this.#locks.set(ino, extraFd);
    return {};
  }

  /** Their holder was killed. */
  dropLock(): void {
    for (const [ino, fd] of this.#locks) if (isOpen(fd, ino)) closeSync(fd);
    this.#locks.clear();
  }

  isLocked = (): boolean => [...this.#locks].some(([ino, fd]) => isOpen(fd, ino));
}

/** One request of this machine's from a port of its own; the answer's status. */
function visit({ engine, firewall }: Machine, { argv }: Call): Reply {
  const url = new URL(argv.at(-1) ?? '');
  const from = Number.parseInt(argv[argv.indexOf('--local-port') + 1] ?? '', 10);
  const port = Number(url.port || 80);
  const peer = engine.publisher(firewall.leads(port, from) ?? port);
  peer?.container.doorman?.take();
  const answer = peer && throughDoor(engine, peer, url.pathname);
  return typeof answer === 'object' ? { stdout: String(answer.status) } : { exitCode: 28, stdout: '000' };
}

function isOpen(fd: number, inode: number): boolean {
  try {
    return fstatSync(fd).ino === inode;
  } catch {
    return false; // closed
  }
}

function tar({ argv, input }: Call): Reply {
  if (argv.slice(0, 4).join(' ') === 'tar -x -p -f') return extract(argv[4] ?? '', argv[6] ?? '');
  if (argv.join(' ') !== 'tar -t -f -') return unknown(argv.join(' '));
  const packed = unpack(input);
  if (!packed) return { exitCode: 2, stderr: 'tar: Unexpected EOF in archive\n' };
  return {
    stdout: namesIn(packed)
      .map((n) => `${path.posix.normalize(n)}\n`)
      .join(''),
  };
}

/** Real files, for who reads them afterwards. */
function extract(archive: string, directory: string): Reply {
  const { entries, whole } = untar(readFileSync(archive));
  for (const { name, mode, data } of entries) {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    if (mode === '120000') symlinkSync(data, file);
    else writeFileSync(file, data);
    if (mode !== '120000') chmodSync(file, mode === '100755' ? 0o755 : 0o644);
  }
  return whole ? {} : { exitCode: 2, stderr: 'tar: Unexpected EOF in archive\n' };
}
