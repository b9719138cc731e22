import { z } from 'zod';
import { type RunOps, run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { tag } from '../../tools/docker/docker.ts';
import { lookUp } from '../../tools/docker/lookup.ts';
import { findContainers } from '../stack/containers.ts';
import type { Service, ServiceRole, Stack } from '../stack/stack.ts';

// An engine with the containerd image store (the default from 29 on) gives up the content of an image with its last name, although a
// container runs from it. So what runs has a name of ours, which no build and no pull takes away.

/** Without tag and digest; a registry's port is left alone. */
export const repositoryOf = (image: string): string => image.replace(/(:[^/:@]+)?(@[^/]*)?$/, '');

/** What an image that a container was made from is to the engine. `unnamed`: it goes with the container. `gone`: its content is lost. */
export type ImageState = 'named' | 'unnamed' | 'gone';

const tags = z.array(z.string()).nullable();

/** The names of those of these images that are there, by their ids. */
async function namesOf(ops: RunOps, ids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  if (ids.length === 0) return new Map();
  const { stdout } = await lookUp(ops, 'image', '-f', '{{.Id}} {{json .RepoTags}}', ...new Set(ids));
  const lines = stdout.split('\n').filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [id = '', names = ''] = line.split(/ (.*)/s);
      return [id, answerOf('docker image inspect', tags, names) ?? []];
    }),
  );
}

/** @param id of the image that a container says to be made from. */
export async function imageState(ops: RunOps, id: string): Promise<ImageState> {
  const names = (await namesOf(ops, [id])).get(id);
  if (names === undefined) return 'gone';
  return names.length > 0 ? 'named' : 'unnamed';
}

/** `whalefall-ops-running:whalefall-postgres`: one for each service of each stack, whatever the compose file calls its image. */
const runningName = ({ project }: Stack, { key }: Service): string =>
  `whalefall-ops-running:${`${project}-${key}`.slice(0, LONGEST_TAG)}`;

const LONGEST_TAG = 128;

/** Gives each image that runs a name of ours. What had it is no longer needed to go back to, or has another. */
export async function nameRunning(ops: RunOps, stack: Stack): Promise<void> {
  const containers = Object.entries(await findContainers(ops, stack)) as [ServiceRole, Container][];
  const ids = containers.map(([, { imageId }]) => imageId);
  const names = await namesOf(ops, ids);
  for (const [role, { imageId }] of containers) {
    const name = runningName(stack, stack.services[role]);
    const has = names.get(imageId);
    if (has !== undefined && !has.includes(name)) await run(ops, tag(imageId, name));
  }
}

/** What is said of one whose name is gone, or more. */
export function unnamedWarning(state: Exclude<ImageState, 'named'>): Text {
  if (state === 'gone') return GONE;
  return {
    en: 'The image that runs has lost its name (a build by hand?). It gets one of ours before anything is built.',
    zh: '正在运行的镜像已没有名称 (可能手工构建过). 构建之前会先为其添加标签.',
  };
}

const GONE: Text = {
  en: 'The engine has no image any more for what runs: it lost its last name (a build by hand, image prune). Its container is kept until the new one is proved, but later nobody can go back to it by its image.',
  zh: '引擎中已没有正在运行的容器所用的镜像: 其最后一个名称已被移除 (手工构建或 image prune). 原容器会保留到新容器验证通过, 但此后无法再按镜像回退到该版本.',
};
