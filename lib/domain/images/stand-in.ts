import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { ask, read } from '../../core/run.ts';
import { say } from '../../core/screen.ts';
import { printable } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { definitionOf, variablesOf } from '../../tools/docker/definition.ts';
import { resolveStack } from '../stack/compose-config.ts';
import { defaultsOf } from '../stack/homes.ts';
import { imageId } from './build.ts';
import { imageState, repositoryOf } from './running.ts';

type Store = 'postgres' | 'redis';

/**
 * The image of a store's container. The engine may have it no more: then the one that the compose file names, or of PostgreSQL another one of
 * that repository, if it is of the same major version. That is said.
 *
 * @throws {OpsError} `precondition` when there is none, with what to fetch.
 */
export async function imageOf(ops: Ops, role: Store, container: Made): Promise<string> {
  const found = await findImage(ops, role, container);
  if (typeof found === 'string') return found;
  const { key, image, major } = found;
  const wanted = role === 'postgres' ? `PostgreSQL${major && ` ${printable(major)}`}` : 'Redis';
  const fetched = printable(role === 'postgres' && major ? `${repositoryOf(image)}:${major}` : image);
  throw refuse(
    {
      en: `The engine has no image any more for what runs as ${key}: it lost its last name (a pull by hand, image prune). Nor is there another one of ${wanted}.`,
      zh: `引擎中已没有 ${key} 正在使用的镜像: 其最后一个名称已被移除 (手工 pull 或 image prune), 也没有其他 ${wanted} 镜像可用.`,
    },
    {
      en: `Fetch one; what runs is left as it is: docker pull ${fetched}`,
      zh: `请拉取一个 (不影响正在运行的容器): docker pull ${fetched}`,
    },
  );
}

/** The same for whom it is of no use now. @returns its id, or what was looked for in vain. */
export async function findImage(
  ops: Ops,
  role: Store,
  { id, imageId: own }: Made,
): Promise<string | { readonly key: string; readonly image: string; readonly major: string }> {
  if ((await imageState(ops, own)) !== 'gone') return own;
  const { PG_MAJOR: major = '' } = variablesOf(await definitionOf(ops, id));
  const { key, image } = (await resolveStack(ops, { justLooking: true })).services[role];
  const others = role === 'postgres' ? await namesIn(ops, repositoryOf(image)) : [];
  for (const name of [image, ...others]) {
    const found = await defaultsOf(ops, role, name);
    if (found === undefined || (role === 'postgres' && found.major !== major)) continue;
    say(ops.screen, 'warning', {
      en: `The engine has no image any more for what runs as ${key}: it lost its last name (a pull by hand, image prune). ${printable(name)} is used instead.`,
      zh: `引擎中已没有 ${key} 正在使用的镜像: 其最后一个名称已被移除 (手工 pull 或 image prune). 改用 ${printable(name)}.`,
    });
    return ask(ops, read(['docker', 'image', 'inspect', '-f', '{{.Id}}', name]));
  }
  return { key, image, major };
}

type Made = Pick<Container, 'id' | 'imageId'>;

/** Names of a repository's images, the newest first. */
async function namesIn(ops: Ops, repository: string): Promise<string[]> {
  const list = read(['docker', 'image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', repository]);
  return (await ask(ops, list)).split('\n').filter((name) => name !== '' && !name.endsWith(':<none>'));
}

/** The first of these images that is there, for what any image can do that has a shell. */
export async function firstPresent(ops: Ops, references: readonly (string | undefined)[]): Promise<string | undefined> {
  for (const reference of references) {
    const id = reference && (await imageId(ops, reference));
    if (id) return id;
  }
  return undefined;
}
