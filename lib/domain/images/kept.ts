import { read } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { ask } from '../../core/run.ts';
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
