import path from 'node:path';
import { type Ops, uninterruptible } from '../../core/ops.ts';
import { ask, ifFails, read, run } from '../../core/run.ts';
import { ownerLabels } from '../../tools/docker/helpers.ts';
import { withoutState } from '../app/state-inside.ts';
import type { Stack } from '../stack/stack.ts';
import { previousReference } from './previous.ts';
import { repositoryOf } from './running.ts';

/** An image of a former release, under a tag of its own. */
export interface KeptImage {
  /** `<repository>:before-<time>`; sorts by time. */
  readonly reference: string;
  readonly id: string;
  /** Bytes, with the layers that it shares with others. */
  readonly bytes: number;
}

/** What full rebuilds have kept of this application; newest first. By exact name: never another repository's. */
export async function listKept(ops: Ops, image: string): Promise<KeptImage[]> {
  const format = ['--format', '{{.Repository}}:{{.Tag}}'];
  const listed = await ask(ops, read(['docker', 'image', 'ls', '--no-trunc', ...format, repositoryOf(image)]));
  const references = listed.split('\n').filter((line) => line.startsWith(previousReference(image, '')));
  if (references.length === 0) return [];
  const inspect = read(['docker', 'image', 'inspect', '-f', '{{.Id}} {{.Size}}', ...references]);
  const facts = (await ask(ops, inspect)).split('\n').map((line) => line.split(' '));
  return references
    .map((reference, i) => ({ reference, id: facts[i]?.[0] ?? '', bytes: Number(facts[i]?.[1]) }))
    .sort((a, b) => (a.reference < b.reference ? 1 : -1));
}

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
