import { z } from 'zod';
import { read } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import { tag } from '../../tools/docker/docker.ts';
import { findContainers } from '../stack/containers.ts';
import type { Stack } from '../stack/stack.ts';

// An engine with the containerd image store (the default from 29 on) gives up the content of an image with its last name, although a
// container runs from it. So what runs has a name of ours, which no build and no pull takes away.

/** Without tag and digest; a registry's port is left alone. */
export const repositoryOf = (image: string): string => image.replace(/(@[^/]*|:[^/:]+)$/, '');

/** What an image that a container was made from is to the engine. `unnamed`: it goes with the container. `gone`: its content is lost. */
export type ImageState = 'named' | 'unnamed' | 'gone';

const tags = z.array(z.string()).nullable();

/** @param id of the image that a container says to be made from. */
export async function imageState(ops: Ops, id: string): Promise<ImageState> {
  const inspect = read(['docker', 'image', 'inspect', '-f', '{{json .RepoTags}}', id]);
  const { stdout, stderr, exitCode } = await run(ops, inspect, [0, 1]);
  if (exitCode === 1) {
    if (/no such image/i.test(stderr)) return 'gone';
    await run(ops, inspect); // an engine that does not answer is no absent image
  }
  return (answerOf('docker image inspect', tags, stdout) ?? []).length > 0 ? 'named' : 'unnamed';
}

/** Gives the image that the application runs from a name of ours: `whalefall:running`. Whatever had it has another to be gone back to. */
export async function nameRunning(ops: Ops, stack: Stack): Promise<void> {
  const { app } = await findContainers(ops, stack);
  const reference = `${repositoryOf(stack.services.app.image)}:running`;
  if (app === undefined || (await imageState(ops, app.imageId)) === 'gone') return;
  await run(ops, tag(app.imageId, reference));
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
