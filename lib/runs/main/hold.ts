import type { Hold } from '../../core/ops.ts';
import { type Asked, looking } from '../../domain/data/claim.ts';
import { giveWay, type Holder, type Lock, type LockHost, takeLock } from './lock.ts';
import { projectLock } from './lock-file.ts';

export interface Holding extends Hold {
  /** The compose project, as soon as it is known. */
  readonly project: string | undefined;
  /** Says who holds it, and at which step. */
  record(holder: Holder): void;
  release(): void;
}

interface How {
  /** Where locks of projects are, for all directories and users of this machine. */
  readonly locks: string;
  readonly holder: Holder;
  readonly waitMs: number;
  /** Set for a run that gives way: it takes no lock, and is aborted when another one does. */
  readonly givesWay: AbortController | undefined;
}

/**
 * A run's hold on the stack that it will find. The lock of the compose project is taken as soon as that is known: another directory can
 * have a stack of the same name, and its own lock knows nothing of ours. A run has to do with one project.
 */
export function holdStack(host: LockHost, asked: Asked, { locks, holder, waitMs, givesWay }: How): Holding {
  let lock: Lock | undefined;
  let locked: string | undefined;
  let endWatch = () => {};
  return {
    ...looking(asked),
    get fd() {
      return lock?.fd;
    },
    get project() {
      return locked;
    },
    async lockProject(engine, project) {
      locked = project;
      const file = projectLock(locks, engine, project);
      if (givesWay) endWatch = await giveWay(host, file, waitMs, givesWay);
      else lock = await takeLock(host, file, holder, waitMs);
    },
    record: (now) => lock?.record(now),
    release() {
      endWatch();
      lock?.release();
    },
  };
}
