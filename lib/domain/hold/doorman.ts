import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { change, run } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { type Attached, runAttached } from '../../tools/docker/attached.ts';
import { discardContainer, ownerLabels } from '../../tools/docker/helpers.ts';
import { type HeldPort, reachedAt } from './ports.ts';
import type { Door } from './rules.ts';
import { roomInProxy } from './sockets.ts';

/** What it has seen so far. */
const state = z.object({
  /** Connections that came. */
  taken: z.int(),
  open: z.int(),
  waiting: z.int(),
  /** Those that waited too long, or came while it was closed. */
  turnedAway: z.int(),
  /** Those that were under way when it ended. */
  cut: z.int(),
  /** Seconds that one of them waited at most until it was passed on. */
  longest: z.number(),
});

export type DoormanState = z.infer<typeof state>;

/** The program `doorman.py` in a container of the application's image, which takes connections in its stead. */
export interface Doorman {
  readonly door: Door;
  /** What waits, and what comes, goes to this address; the doorman enters the network first, where that is not its own. */
  lead(to: { readonly network: string; readonly address: string }): Promise<DoormanState>;
  /** What waits, and what comes, gets the page. */
  close(): Promise<DoormanState>;
  look(): Promise<DoormanState>;
  /** What is under way may end for so long, counted anew whenever somebody who waits for an answer gets it; then it is gone. */
  finish(seconds: number): Promise<DoormanState>;
  /** Settles when it is no more. */
  readonly ended: Promise<void>;
  /** Removes it, whatever it has open. */
  discard(): Promise<void>;
}

/** Where it stands in, and for whom. */
export interface Post {
  readonly imageId: string;
  readonly network: string;
  readonly ports: readonly HeldPort[];
  /** Where it leads when nobody gives it orders any more. */
  readonly home: string | undefined;
  /** Seconds that a connection waits at most. */
  readonly atMost: number;
}

/** @throws {CommandError} when it could not be started; nothing is left of it then. */
export async function postDoorman(ops: Ops, post: Post, name: string): Promise<Doorman> {
  const program = path.join(ops.paths.run, 'doorman.py');
  // Read in the container, by whoever it runs as.
  writeFileSync(program, readFileSync(new URL('doorman.py', import.meta.url)), { mode: 0o644 });
  const targets = [...new Set(post.ports.map((p) => p.target))];
  const settings = {
    atMost: post.atMost,
    page: readFileSync(new URL('page.html', import.meta.url), 'utf8'),
    ports: targets,
    to: post.home,
    most: roomInProxy(),
  };
  const words = [
    ...['--name', name, ...ownerLabels(ops), '--network', post.network, '--user', '0', '--pull', 'never'],
    ...[
      '-v',
      `${program}:/doorman.py:ro`,
      ...post.ports.flatMap(({ hostIp, target }) => ['-p', published(hostIp, target)]),
    ],
    ...['--entrypoint', ops.target.app.python, post.imageId, '/doorman.py'],
  ];
  const discard = async () => void (await discardContainer(ops, name));
  let attached: Attached;
  let door: Door;
  try {
    // Read once it is ready; nobody else needs a file that every user may read.
    attached = await runAttached(ops, words, JSON.stringify(settings)).finally(() => rmSync(program, { force: true }));
    const { ports, addresses } = await reachedAt(ops, name);
    const address = addresses.find((a) => a.network === post.network)?.address ?? '';
    door = { address, ports };
  } catch (error) {
    await discard();
    throw error;
  }
  const order = async (what: Readonly<Record<string, unknown>>, deadlineMs?: number): Promise<DoormanState> =>
    answerOf('doorman.py', state, await attached.ask(JSON.stringify(what), deadlineMs));
  return {
    door,
    async lead({ network, address }) {
      if (network !== post.network) await run(ops, change(['docker', 'network', 'connect', network, name]));
      return order({ lead: address });
    },
    close: () => order({ close: true }),
    look: () => order({ look: true }),
    finish: (seconds) => order({ finish: seconds }, LONGEST_MS),
    ended: attached.silent,
    discard,
  };
}

/** `doorman.py` is gone 120 s after it was told to finish, whoever is still there. */
const LONGEST_MS = 135_000;

/** The engine chooses the port. */
const published = (hostIp: string, target: number) => `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}::${target}`;
