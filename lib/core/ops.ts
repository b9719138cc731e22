import type { Socket } from 'node:net';
import path from 'node:path';
import { type Invocation, type Journal, lenient } from './journal.ts';
import type { Screen } from './screen.ts';
import type { Secrets } from './secrets.ts';
import type { Shell } from './shell.ts';
import type { Target } from './target.ts';

export interface Clock {
  /** Milliseconds since the epoch. May step; for dates only. */
  now(): number;
  /** Milliseconds that never step back; for durations and deadlines. */
  monotonic(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/**
 * `taken`: something has that port there. `no-address`: this machine has no such address. `unknown`: this process may not bind there, or
 * the kernel says something else; an engine that may do more can't be judged by that.
 */
export type BindProblem = 'taken' | 'no-address' | 'unknown';

/** The network as this process sees it. Never through a proxy: what is asked is on this machine, but for what alerts are sent to. */
export interface Net {
  fetch(
    url: string,
    init: {
      method?: string;
      headers?: Record<string, string>;
      body?: string;
      signal: AbortSignal;
      /** Of the server that is looked after, asked at an address that its certificate does not name. */
      anyCertificate?: true;
    },
  ): Promise<Response>;
  /** A TCP connection, not yet established. */
  connect(address: { host: string; port: number }): Socket;
  /** Binds there for a moment. @returns why that can't be; `undefined` when it can. */
  tryBind(address: HostPort): Promise<BindProblem | undefined>;
  /** This machine's own addresses, IPv4 and IPv6. */
  addresses(): readonly string[];
}

/** Told of each request of a probe, for whoever watches and for the run's report. */
export interface RequestLog {
  /** One is sent now. @returns what to call when it was answered, or was not; with `undefined` when nobody can know. */
  sent(url: string): (well: boolean | undefined) => void;
}

/** Where this run keeps its files; all absolute. */
export interface Paths {
  /** `<deploy dir>/.whalefall-ops` */
  readonly state: string;
  /** `<state>/backups` */
  readonly backups: string;
  /** `<state>/runs/<time>-<script>`: journal, log, saved files of this run. With `--plan` elsewhere, and gone afterwards. */
  readonly run: string;
}

/** What a run is called: the base name of its directory. */
export const runName = ({ paths }: { readonly paths: Pick<Paths, 'run'> }): string => path.basename(paths.run);

/** How far a run may lay hands on a stack that is on the engine. */
export interface Hold {
  /** `--adopt`: also on what another directory made, after a consent. */
  readonly adopt: boolean;
  /** `--confirm`: the phrase that would be typed, where it is one for taking over. */
  readonly phrase: string | undefined;
  /** Projects that were found to be this directory's in this run. */
  readonly claimed: Set<string>;
  /** Containers of another directory that a person agreed to take over in this run: their ids, and which directory that is. */
  readonly adopted: Map<string, string>;
  /**
   * Takes the lock of a compose project on an engine. Absent where the run only looks.
   *
   * @throws {OpsError} `locked` (exit 5), naming the holder.
   */
  readonly lockProject?: (engine: string, project: string) => Promise<void>;
  /** That lock: inherited by every command that changes something, beside the directory's. */
  readonly fd?: number | undefined;
}

/** A script that goes on by itself. */
export interface Beside {
  /** What it had shown until it ended. */
  readonly ended: Promise<{ readonly exitCode: number; readonly text: string }>;
  /** This process ends without it. */
  leave(): void;
  /** Tells it to end (SIGTERM), and waits until it has. */
  end(): Promise<void>;
}

/** Everything through which a helper touches the outside. */
export interface Ops {
  readonly $: Shell;
  /** What every child gets (`childEnv` in shell.ts); a command adds to it. */
  readonly env: Readonly<Record<string, string>>;
  /** What this process itself was started with, for the addresses that the target configuration names. No child gets it. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly target: Target;
  readonly paths: Paths;
  readonly clock: Clock;
  readonly net: Net;
  readonly screen: Screen;
  readonly journal: Journal;
  readonly requests?: RequestLog;
  readonly secrets: Secrets;
  /** Sends a signal to a process group; replaced in tests. */
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
  /** The run's lock: inherited by every command that changes something, so that it is held as long as they run. */
  readonly lockFd?: number;
  readonly hold?: Hold;
  /** Starts another script of this tool in this deploy directory, which goes on when this process has ended. */
  readonly beside?: (to: Invocation) => Beside;
  /** Aborted when the run is to stop; cleared while undoing. */
  readonly signal: AbortSignal;
}

/**
 * The same, but neither Ctrl-C, SIGTERM nor a journal on a full disk stops what is done with it: undoing, letting go, tidying up, measuring
 * to the end.
 */
export const uninterruptible = <O extends Pick<Ops, 'signal' | 'journal' | 'screen'>>(ops: O): O => ({
  ...ops,
  journal: lenient(ops.journal, ops.screen),
  signal: new AbortController().signal,
});
