import type { Script } from '../../../lib/runs/command-line/script.ts';
import type { Check } from './again.ts';
import { type Deployment, deployment, type Ended } from './deployment.ts';
import type { How } from './faults.ts';

/** Something goes wrong at the last change like this. */
export async function at(
  command: RegExp,
  how: How,
  given: (made: Deployment) => Promise<unknown>,
  { args, check, script }: { args: readonly string[]; check: Check; script?: Script },
): Promise<Ended> {
  const [learned, d] = [deployment(), deployment()];
  await given(learned);
  await given(d);
  const { points } = await learned.run(args, script && { script });
  const point = points.findLast((p) => p.isChange && command.test(p.label));
  if (!point) throw new Error(`no command is like ${command}`);
  return check(d, args, { fault: { ...point, how }, ...(script && { script }) });
}
