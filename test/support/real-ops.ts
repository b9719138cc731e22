import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../lib/core/ops.ts';
import { Secrets } from '../../lib/core/secrets.ts';
import { childEnv, createShell } from '../../lib/core/shell.ts';
import { targetFor } from '../../lib/core/target.ts';

/** Ops of this machine whose screen shows nothing and whose journal is none; state below `dir`. */
export function realOps(dir: string, signal = new AbortController().signal): Ops {
  const env = childEnv(process.env);
  const state = path.join(dir, '.whalefall-ops');
  const paths = { state, backups: path.join(state, 'backups'), run: path.join(state, 'runs', 'e2e') };
  for (const p of [paths.backups, paths.run]) mkdirSync(p, { recursive: true, mode: 0o700 });
  return {
    $: createShell({ env, spawn }),
    env,
    target: targetFor(dir),
    paths,
    clock: {
      now: Date.now,
      monotonic: () => performance.now(),
      sleep: (ms, aborted) =>
        new Promise((resolve, reject) => {
          const stop = () => {
            clearTimeout(timer);
            reject(aborted?.reason);
          };
          const timer = setTimeout(() => {
            aborted?.removeEventListener('abort', stop);
            resolve();
          }, ms);
          aborted?.addEventListener('abort', stop);
        }),
    },
    net: {} as Ops['net'],
    screen: { language: 'en', show: () => undefined, progress: () => undefined } as unknown as Ops['screen'],
    journal: { write: () => 1 },
    secrets: new Secrets(),
    kill: (pid, name) => {
      try {
        process.kill(-pid, name);
      } catch {
        // gone already
      }
    },
    signal,
  };
}
