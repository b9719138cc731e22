import { rollbackProd } from '../../../scripts/rollback-prod.ts';
import type { Check } from './again.ts';
import type { Deployment } from './deployment.ts';
import { runAndCheck } from './invariants.ts';
import { OLD_REVISION, type Release, release } from './release.ts';
import { updatable } from './updatable.ts';

/** Two releases, each by a full rebuild, every one with `more`; the newer one runs, and it is to be left. */
export async function rebuilt(made: Deployment, more: Partial<Release> = {}): Promise<void> {
  const d = await updatable({}, { made, former: more });
  const [target, present] = [
    release('one', { head: OLD_REVISION, ...more }),
    release('two', { head: OLD_REVISION, ...more }),
  ];
  for (const next of [target, present]) {
    d.machine.engine.releases.set(next.commit, next);
    d.machine.repository?.push(next, 1);
    d.machine.repository?.checkOut(next.commit);
    d.machine.release = next;
    const ended = await d.run(['--yes', '--data', 'keep']);
    if (ended.exitCode !== 0) throw new Error(ended.text);
  }
  d.machine.release = target; // what must serve after exit code 0
}

/** Goes back, and checks what must be so after every rebuild. */
export const backByImage: Check = (d, args, options) => runAndCheck(d, args, { ...options, script: rollbackProd });
