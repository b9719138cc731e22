import { statSync } from 'node:fs';
import type { Ops } from '../../core/ops.ts';

/** How far a backup is. */
export interface BackupProgress {
  /** `dump`: pg_dump writes. `contents`: everything in the snapshot is hashed. `trial`: it is restored and compared. */
  readonly phase: 'dump' | 'contents' | 'trial';
  /** Written so far; 0 where that says nothing. */
  readonly bytes: number;
  /** A guess from the size of the tables and the last backup; 0 likewise. */
  readonly expected: number;
  /** Since the phase began. */
  readonly milliseconds: number;
}

const LOOK_EVERY_MS = 500;

export const NO_BYTES = { bytes: 0, expected: 0 } as const;

/** Does `work` and says how far its file is, at last when it has ended well. */
export async function reporting<T>(
  ops: Ops,
  { onProgress }: { readonly onProgress?: ((progress: BackupProgress) => void) | undefined },
  { file, ...phase }: Omit<BackupProgress, 'milliseconds'> & { readonly file?: string },
  work: () => Promise<T>,
): Promise<T> {
  if (onProgress === undefined) return work();
  const started = ops.clock.monotonic();
  const report = () => {
    const bytes = file === undefined ? 0 : (statSync(file, { throwIfNoEntry: false })?.size ?? 0);
    onProgress({ ...phase, bytes, milliseconds: ops.clock.monotonic() - started });
  };
  const done = new AbortController();
  const watch = async () => {
    for (;;) {
      report();
      await ops.clock.sleep(LOOK_EVERY_MS, done.signal);
    }
  };
  watch().catch(() => undefined); // the sleep ends with the work
  try {
    const result = await work();
    report();
    return result;
  } finally {
    done.abort();
  }
}
