import { closeSync, fstatSync } from 'node:fs';
import path from 'node:path';
import { asTyped } from '../../../lib/host/command.ts';
import { blobId } from './app-files.ts';
import { VirtualClock } from './clock.ts';
import { docker, holdPaused } from './docker-cli.ts';
import { Engine, EngineError } from './engine.ts';
import { unknown } from './flags.ts';
import type { Repository } from './git.ts';
import type { Host } from './host.ts';
import { inside } from './in-container.ts';
import { KILLED } from './later.ts';
import { Ledger } from './ledger.ts';
import type { Call, Conversation, Hold, Programs, Reply } from './process.ts';
import { conversation } from './psql.ts';
import { type Release, release } from './release.ts';
import { filesOf } from './release-files.ts';
import { namesIn, unpack } from './tar.ts';

/** Answers a call in place of the model, or `undefined` to leave it to the model. */
export type Override = (call: Call, typed: string) => Reply | undefined;

/** How a container is paused for as long as somebody holds on; that this shell does so is what real processes show. */
const HOLD =
  /^trap '' PIPE\ntrap 'docker unpause "\$1" .*' EXIT\nid=\$\(docker pause "\$1"\) \|\| .*\necho .*\nread -r -t "\$2"/;

/** A server with Docker on it: everything that outlives a run of a script. */
export class Machine implements Host, Programs {
  readonly clock = new VirtualClock();
  readonly ledger = new Ledger();
  readonly engine = new Engine(this.clock, this.ledger);
  readonly registry = new Map<string, 'postgres' | 'redis'>();
  /** What is checked out in the deploy directory. */
  release: Release = release('a release');
  /** Commands that changed something, in order. */
  readonly changes: string[] = [];
  /** Ports that something outside of Docker listens on. */
  readonly takenPorts = new Set<number>();
  readonly absent = new Set<string>();
  /** Special answers, for what only one test needs. */
  override: Override = () => undefined;
  /** A user's doing, each time that a dump is taken while the application serves. */
  onDump: () => void = () => undefined;
  /** The deploy directory's repository; without one, git knows {@link release} alone. */
  repository: Repository | undefined;
  cut = false;
  #lock: { readonly fd: number; readonly inode: number } | undefined;

  missing = (program: string) => this.absent.has(program);

  changed(call: Call): void {
    this.changes.push(asTyped(call.argv));
  }

  latency({ argv }: Call): number {
    const typed = argv.join(' ');
    if (/ build /.test(typed)) return 30_000;
    if (/docker (run|create|stop|start|restart|rm)|compose .* (up|run) /.test(typed)) return 300;
    if (/ (flask|admin) \/app/.test(typed)) return 900;
    return 15;
  }

  converse(call: Call): Conversation | Reply | undefined {
    const isSession = call.argv.includes('psql') && / exec -i -e PGAPPNAME \S+ psql /.test(call.argv.join(' '));
    if (!isSession) return undefined;
    const special = this.override(call, asTyped(call.argv));
    if (special) return special;
    try {
      return conversation(inside(this, call));
    } catch (error) {
      if (error instanceof EngineError) return { exitCode: 1, stderr: error.message };
      throw error;
    }
  }

  run(call: Call): Reply {
    this.engine.catchUp();
    const special = this.override(call, asTyped(call.argv));
    if (special) return special;
    if (call.argv.includes('pg_dump')) this.onDump();
    switch (call.argv[0]) {
      case 'docker':
        return docker(this, call);
      case 'git':
        return this.repository?.run(call, (c) => this.changed(c)) ?? this.#git(call);
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

  #git({ argv }: Call): Reply {
    const words = argv.slice(argv.indexOf('-C') + 2).join(' ');
    if (words === 'log -1 --format=%H%n%s') return { stdout: `${this.release.commit}\nA release\n` };
    if (words.startsWith('config ')) return { exitCode: 1 };
    const [, commit = ''] =
      /^(?:cat-file -e|log -1 --format=%cI%n%s|ls-tree -r -z --full-tree) ([0-9a-f]{40})/.exec(words) ?? [];
    const known = [this.release, ...this.engine.releases.values()].find((r) => r.commit === commit);
    if (commit !== '' && !known) return { exitCode: 128, stderr: 'fatal: Not a valid object name\n' };
    if (words.startsWith('cat-file -e')) return {};
    if (words.startsWith('log -1 --format=%cI%n%s')) return { stdout: '2026-01-02T03:04:05Z\nA release\n' };
    if (known) {
      const lines = [...filesOf(known)].map(([file, { mode, data }]) => `${mode} blob ${blobId(data)}\t${file}\0`);
      return { stdout: lines.join('') };
    }
    return words.startsWith('status --porcelain') ? { stdout: '' } : unknown(argv.join(' '));
  }

  /** The kernel's lock belongs to the open file: it is gone when that is closed. */
  #flock({ argv, extraFd }: Call): Reply {
    if (argv.join(' ') !== 'flock -n -x -E 75 3' || extraFd === undefined) return unknown(argv.join(' '));
    if (this.#lock && this.#lock.fd !== extraFd && this.isLocked()) return { exitCode: 75 };
    this.#lock = { fd: extraFd, inode: fstatSync(extraFd).ino };
    return {};
  }

  hold(call: Call): Hold | undefined {
    const [program, , script = '', name, id = ''] = call.argv;
    if (program !== 'bash' || name !== 'pause') return undefined;
    if (!HOLD.test(script)) return unknown(script);
    this.changed(call);
    return holdPaused(this, id);
  }

  /** Its holder was killed. */
  dropLock(): void {
    if (this.#lock && this.isLocked()) closeSync(this.#lock.fd);
    this.#lock = undefined;
  }

  isLocked(): boolean {
    try {
      return this.#lock !== undefined && fstatSync(this.#lock.fd).ino === this.#lock.inode;
    } catch {
      return false; // closed
    }
  }
}

function tar({ argv, input }: Call): Reply {
  if (argv.join(' ') !== 'tar -t -f -') return unknown(argv.join(' '));
  const packed = unpack(input);
  if (!packed) return { exitCode: 2, stderr: 'tar: Unexpected EOF in archive\n' };
  return {
    stdout: namesIn(packed)
      .map((n) => `${path.posix.normalize(n)}\n`)
      .join(''),
  };
}
