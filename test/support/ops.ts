import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { JournalEvent } from '../../lib/core/journal.ts';
import type { Clock, Net, Ops } from '../../lib/core/ops.ts';
import type { Screen, ScreenEvent } from '../../lib/core/screen.ts';
import { Secrets } from '../../lib/core/secrets.ts';
import { createShell } from '../../lib/core/shell.ts';
import { targetFor } from '../../lib/core/target.ts';
import { type Responder, type ScriptedSpawn, scriptedSpawn } from './scripted-spawn.ts';

export interface TestOps extends Ops {
  readonly scripted: ScriptedSpawn;
  readonly shown: ScreenEvent[];
  readonly written: JournalEvent[];
  /** What `showSecret` was given. */
  readonly secretsShown: string[];
}

/** Time that passes only when somebody sleeps. */
export function fakeClock(start = Date.parse('2026-01-02T03:04:05Z')): Clock {
  let t = start;
  return {
    now: () => t,
    monotonic: () => t - start,
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted();
      t += milliseconds;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** Ops over real zx and a script of answers; files are real, in a directory that goes with the test. */
export function testOps(respond: Responder, overrides: Partial<Ops> & { answers?: Partial<Screen> } = {}): TestOps {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const state = path.join(dir, '.whalefall-ops');
  const paths = { state, backups: path.join(state, 'backups'), run: path.join(state, 'runs', 'test') };
  for (const p of [paths.backups, paths.run]) mkdirSync(p, { recursive: true, mode: 0o700 });
  const scripted = scriptedSpawn(respond);
  const shown: ScreenEvent[] = [];
  const written: JournalEvent[] = [];
  const secretsShown: string[] = [];
  const env = { PATH: '/usr/bin:/bin' };
  const { answers, ...rest } = overrides;
  return {
    $: createShell({ env, spawn: scripted.spawn }),
    env,
    target: targetFor(dir),
    paths,
    clock: fakeClock(),
    net: noNet,
    screen: {
      language: 'en',
      show: (e) => void shown.push(e),
      progress: () => undefined,
      showSecret: (_label, secret) => {
        secretsShown.push(secret);
        return true;
      },
      askPhrase: async () => undefined,
      askChoice: async () => undefined,
      askYes: async () => undefined,
      ...answers,
    },
    journal: { write: (e) => written.push(e) },
    secrets: new Secrets(),
    kill: scripted.kill,
    signal: new AbortController().signal,
    scripted,
    shown,
    written,
    secretsShown,
    ...rest,
  };
}

const noNet: Net = {
  fetch: async (url) => {
    throw new Error(`a test reached the network: ${url}`);
  },
  connect: (address) => connect({ ...address, port: 1, host: '127.0.0.1' }),
  tryBind: async () => undefined,
  addresses: () => ['127.0.0.1', '::1'],
};
