import { rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { ask, change, read, run } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { commitContainer, SECONDS, withCopy } from '../../tools/docker/commit.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { exec, start } from '../../tools/docker/docker.ts';
import { postToEngine } from '../../tools/docker/engine-api.ts';
import { discardContainer, helperLabels } from '../../tools/docker/helpers.ts';
import { isWithin } from '../../tools/docker/places.ts';
import { createFile } from '../../tools/files/durable.ts';
import { agent, sourceOf } from '../app/agent.ts';
import type { LayerChange } from './drift.ts';

/** A layer of gigabytes takes minutes. */
const DEADLINE_MS = 600_000;
/** Where the new layer is put to be unpacked. */
const PACKED = '/whalefall-ops-layer.tar';

/**
 * Makes an image of the code that a container runs: its own image, and what was changed since; but without userdata, which goes from container
 * to container. In an image it would stay on the disk whoever deletes it, and come back with a rollback.
 *
 * @param reference the image's name.
 */
export async function commitCode(
  ops: Ops,
  container: Container,
  layer: readonly LayerChange[],
  reference: string,
): Promise<void> {
  const own = layer.filter(({ file }) => !isWithin(file, ops.target.app.userdata));
  const tar = path.join(ops.paths.run, 'layer.tar');
  try {
    await withCopy(ops, container.id, (copy) => pack(ops, copy, own, tar));
    await commitWith(ops, container.imageId, { own, tar }, reference);
  } finally {
    rmSync(tar, { force: true });
  }
}

async function pack(ops: Ops, copy: string, own: readonly LayerChange[], tar: string): Promise<void> {
  await run(ops, start(copy));
  const input = sourceOf('pack', { paths: own.map(({ file }) => file) });
  const argv = [ops.target.app.python, '-', 'pack'];
  await createFile(tar, (stdoutFd) =>
    run(ops, exec('read', copy, argv, { input, stdoutFd, user: '0', deadlineMs: DEADLINE_MS })),
  );
}

interface Packed {
  readonly own: readonly LayerChange[];
  readonly tar: string;
}

/** From the image itself, so that the new one has its settings, and neither the container's variables nor compose's labels. */
async function commitWith(ops: Ops, image: string, { own, tar }: Packed, reference: string): Promise<void> {
  const { command, changes } = await idling(ops, image);
  const Labels = helperLabels(ops);
  const body = { Image: image, ...command, Labels, HostConfig: { NetworkMode: 'none' } };
  // Not by `docker create`, which gives the variables of its own configuration (a proxy), and the image would have them.
  const { Id: helper } = await postToEngine(ops, '/containers/create', body, z.object({ Id: z.string() }));
  try {
    await run(ops, start(helper));
    await run(ops, change(['docker', 'cp', tar, `${helper}:${PACKED}`], { deadlineMs: DEADLINE_MS }));
    const gone = own.flatMap(({ kind, file }) => (kind === 'D' ? [file] : []));
    await agent(ops, helper, 'unpack', {
      effect: 'change',
      user: '0',
      args: { tar: PACKED, root: '/', gone },
      answer: z.null(),
      deadlineMs: DEADLINE_MS,
    });
    // Taken for a helper, the image would be removed by the next run.
    const unlabelled = Object.keys(Labels).map((label) => `LABEL "${label}"=""`);
    await commitContainer(ops, helper, reference, [...changes, ...unlabelled]);
  } finally {
    await discardContainer(ops, helper);
  }
}

const words = z.array(z.string()).nullish();

/** How a container of an image is made that does nothing, and what makes an image of it start what it starts. */
async function idling(ops: Ops, image: string) {
  const format = '[{{json .Config.Entrypoint}},{{json .Config.Cmd}}]';
  const said = await ask(ops, read(['docker', 'image', 'inspect', '-f', format, image]));
  const [entrypoint, cmd] = answerOf('docker image inspect', z.tuple([words, words]), said);
  const starts = `CMD ${JSON.stringify(cmd ?? [])}`;
  // An empty ENTRYPOINT would be filled up with the container's: one that the image does not have, the container does not get.
  if (!entrypoint?.length) return { command: { Cmd: ['sleep', SECONDS] }, changes: [starts] };
  const changes = [`ENTRYPOINT ${JSON.stringify(entrypoint)}`, starts];
  return { command: { Entrypoint: ['sleep'], Cmd: [SECONDS] }, changes };
}
