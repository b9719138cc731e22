import { readFileSync } from 'node:fs';
import path from 'node:path';
import { misconfigured } from '../../core/refusal.ts';
import { printable } from '../../core/text.ts';
import { type Mount, placeOf } from '../../tools/docker/places.ts';

/** What scripts need to know; the official images' entrypoint reads each from a file as well. */
const VARIABLES = ['POSTGRES_DB', 'POSTGRES_USER', 'POSTGRES_PASSWORD', 'REDIS_PASSWORD'] as const;

/**
 * The values of `POSTGRES_PASSWORD_FILE` and the like, read as the official images' entrypoint does, by variable without `_FILE`. The
 * path means a file inside the container, so it is looked up among what is mounted there.
 *
 * @param mounts of the service, secrets included: each as the host's file.
 * @throws {OpsError} `config` when there is no such mount, or its file can't be read.
 */
export function readSecretFiles(
  composeFile: string,
  service: string,
  environment: Readonly<Record<string, string>>,
  mounts: readonly Mount[],
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const variable of VARIABLES) {
    const named = environment[`${variable}_FILE`];
    if (!named) continue;
    const { kind, source, path: below } = placeOf(mounts, named);
    const problem = (en: string, zh: string) => unreadable(composeFile, { service, variable, named }, { en, zh });
    if (kind !== 'bind')
      throw problem('no secret and no file of this machine is mounted there', '该路径没有挂载 secret 或宿主机文件');
    try {
      values[variable] = readFileSync(path.join(source, below), 'utf8').replace(/\n+$/, ''); // as `$(< file)` in the shell
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      throw problem(`${printable(source)} can't be read (${code})`, `无法读取 ${printable(source)} (${code})`);
    }
  }
  return values;
}

const unreadable = (
  composeFile: string,
  { service, variable, named }: { readonly service: string; readonly variable: string; readonly named: string },
  why: { readonly en: string; readonly zh: string },
) =>
  misconfigured(
    {
      en: `${composeFile}: ${variable}_FILE of service ${service} is ${printable(named)}, and ${why.en}.`,
      zh: `${composeFile}: 服务 ${service} 的 ${variable}_FILE 为 ${printable(named)}, 但${why.zh}.`,
    },
    {
      en: 'Run as the user who may read it, or correct the secret’s file in the compose file.',
      zh: '请使用有读取权限的用户运行, 或修正 compose 文件中 secret 的 file.',
    },
  );
