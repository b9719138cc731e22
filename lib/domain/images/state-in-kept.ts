import path from 'node:path';
import { read } from '../../core/command.ts';
import { type Ops, uninterruptible } from '../../core/ops.ts';
import { ifFails, run } from '../../core/run.ts';
import { ownerLabels } from '../../tools/docker/helpers.ts';
import { withoutState } from '../app/state-inside.ts';
import type { Stack } from '../stack/stack.ts';
import { listKept } from './kept.ts';

/** Names the images kept to go back to that contain the state directory. What can't be looked into is left: it changes nothing that was proved. */
export async function tellStateInKept(given: Ops, { services }: Stack): Promise<void> {
  const ops = uninterruptible(given);
  const tell = async () => {
    const found: string[] = [];
    for (const { reference, id } of await listKept(ops, services.app.image))
      if (await containsState(ops, id)) found.push(reference);
    if (found.length > 0) ops.screen.show({ event: 'warning', ...withoutState(found) });
  };
  await tell().catch(ifFails(() => undefined));
}

async function containsState(ops: Ops, image: string): Promise<boolean> {
  const inside = `${ops.target.app.root}/${path.basename(ops.paths.state)}`;
  const helper = ['docker', 'run', '--rm', '--network', 'none', '--pull', 'never', ...ownerLabels(ops)];
  const look = read([...helper, '--entrypoint', 'test', image, '-e', inside], { deadlineMs: 60_000 });
  return (await run(ops, look, [0, 1])).exitCode === 0;
}
