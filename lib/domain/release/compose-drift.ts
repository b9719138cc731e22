import type { Ops } from '../../core/ops.ts';
import { ask } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { hashOf } from '../../tools/docker/compose.ts';
import { type Definition, variablesOf } from '../../tools/docker/definition.ts';
import { composeNames } from './compose-changes.ts';
import type { RebuildReason } from './rebuild-reasons.ts';
import { resolvedAt, unresolved } from './resolved.ts';

const HASH = 'com.docker.compose.config-hash';
const VERSION = 'com.docker.compose.version';
const DIRECTORY = 'com.docker.compose.project.working_dir';

/** What the application's container should fit. */
interface Wanted {
  readonly commit: string;
  /** Text of the `.env` that counts; default: the deploy directory's. */
  readonly env?: string | undefined;
  readonly compose: string;
}

/**
 * Where compose would make another container of the application than the one that runs, whatever commits say: a file of which git has none
 * was changed since, or the container was made of other variables. Of the same service another version of compose may make another hash, and
 * so may another name of the same directory: then only variables tell.
 */
export async function driftReasons(ops: Ops, runs: Definition, wanted: Wanted): Promise<RebuildReason[]> {
  const { [HASH]: hash, [VERSION]: version = '', [DIRECTORY]: directory = ops.target.dir } = runs.Config.Labels ?? {};
  if (hash === undefined) return []; // compose did not make it
  const { app } = ops.target.services;
  const path = composeNames(ops);
  try {
    const now = await resolvedAt(ops, 'runs', wanted.commit, wanted.env);
    const wouldBe = (await ask(ops, hashOf(ops.target, app, JSON.stringify(now)))).split(' ').at(-1);
    const isStamp = (name: string) => ops.target.release.stamp.includes(name);
    const names = otherVariables(now.services[app]?.['environment'], variablesOf(runs)).filter(
      (name) => !isStamp(name),
    );
    const comparable = core(version) === core(wanted.compose) && directory === ops.target.dir;
    if (hash === wouldBe || (!comparable && names.length === 0)) return [];
    return [{ path, why: drifted(app, names.map(printable)) }];
  } catch (error) {
    return [{ path, why: unresolved(ops, error) }];
  }
}

/** `2.26.1` of `v2.26.1-4`: a container has no more of it. */
const core = (version: string) => /\d+\.\d+\.\d+/.exec(version)?.[0];

/** Names of those that compose would set to another value. Never a value. */
function otherVariables(wanted: unknown, there: Readonly<Record<string, string>>): string[] {
  const values = Object.entries((wanted ?? {}) as Readonly<Record<string, string | null>>);
  return values
    .filter(([name, value]) => value !== null && value.replaceAll('$$', '$') !== there[name])
    .map(([name]) => name);
}

function drifted(service: string, names: readonly string[]): Text {
  const list = names.length > 0 ? ` (${names.join(', ')})` : '';
  return {
    en: `compose would make another container of ${service} than the one that runs${list}: a file of which git has none, or a variable, is another than when it was made`,
    zh: `compose 会创建与正在运行的 ${service} 不同的容器${list}: 不在 git 中的文件或环境变量与创建容器时不一致`,
  };
}
