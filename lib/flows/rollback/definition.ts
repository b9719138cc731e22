import { isDeepStrictEqual } from 'node:util';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { registerVariables } from '../../domain/env/secrets.ts';
import { planService } from '../../domain/stack/create-service.ts';
import {
  bodyOf,
  type Definition,
  definitionOf,
  variablesOf,
  withoutMacs,
  withVolumesOf,
} from '../../tools/docker/definition.ts';
import type { ImageWay } from './facts.ts';

const IMAGE = 'com.docker.compose.image';
const HASH = 'com.docker.compose.config-hash';

/**
 * What the container of the former release is made of: what it was made of then, as long as that was kept and the compose file says
 * something else by now. Variables have the values of today: passwords are those of the data, which stays. So is userdata where it is today.
 */
export async function definitionFor(ops: Ops, { facts, kept, imageId }: ImageWay): Promise<Definition | undefined> {
  if (kept === undefined) return undefined;
  const { app } = facts.stack.services;
  const { stamp } = ops.target.release;
  const former = facts.containers.app && (await definitionOf(ops, facts.containers.app.id));
  const planned = await planService(ops, facts.stack, app, former).catch((error: unknown) => {
    if (error instanceof OpsError && error.kind === 'command') return undefined;
    throw error;
  });
  // It may have been the first, whose volumes nobody had named; the planned one has those that are there now.
  const then = former ? withVolumesOf(kept, former) : kept;
  if (planned && isDeepStrictEqual(shapeOf(planned.definition, stamp), shapeOf(then, stamp))) return planned.definition;
  ops.screen.show({ event: 'warning', text: CHANGED });
  const now = new Map(Object.entries(planned ? variablesOf(planned.definition) : {}));
  const env = Object.entries(variablesOf(kept)).map(([name, then]): [string, string] => [name, now.get(name) ?? then]);
  registerVariables(ops.secrets, Object.fromEntries(env));
  // It is neither what compose made then nor what it would make now: by no hash is it known as either.
  const { [HASH]: _, ...labels } = kept.Config.Labels ?? {};
  const Labels = { ...labels, [IMAGE]: imageId };
  const Config = { ...kept.Config, Image: app.image, Env: env.map((pair) => pair.join('=')), Labels };
  return { ...kept, Config };
}

/** All but names, values of variables, what gets the commit, the image, and hardware addresses: of one that ran they are not known. */
function shapeOf(definition: Definition, stamp: readonly string[]): unknown {
  const {
    Env,
    Image: _,
    Hostname: __,
    Labels: ___,
    ...shape
  } = bodyOf(withoutMacs(definition)) as Definition['Config'];
  const names = (Env ?? []).map((line) => line.split('=')[0] ?? '');
  return JSON.parse(JSON.stringify({ ...shape, names: names.filter((name) => !stamp.includes(name)).sort() }));
}

const CHANGED = {
  en: 'The compose file has changed since that release: its container is made as it was then, with today’s values of its variables, and userdata where it is today.',
  zh: '该版本之后 compose 文件有改动: 将按当时的配置创建容器, 变量取当前值, userdata 仍使用当前的位置.',
};
