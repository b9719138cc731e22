import { z } from 'zod';
import { type Command, CommandError, type RunOps, read, run } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { CAUSES } from './causes.ts';
import type { EnvFinding } from './file.ts';

type Values = Readonly<Record<string, string>>;

/**
 * Makes compose's own parser read the real `.env`, in both ways in which it gets into containers: `${NAME}` in the compose
 * file, and `env_file`. The project comes by stdin and is never run.
 */
export function parserProbe(directory: string, names: readonly string[]): Command {
  const project = {
    name: 'env-probe',
    services: {
      // Keys of our own: a variable's name could mean something to compose.
      interpolated: { image: 'none', environment: Object.fromEntries(names.map((n, i) => [`V${i}`, `\${${n}}`])) },
      file: { image: 'none', env_file: ['.env'] },
    },
  };
  return read(['docker', 'compose', '-f', '-', '--project-directory', directory, 'config', '--format', 'json'], {
    input: JSON.stringify(project),
    env: {}, // makes `run` pass on exactly `ops.env`
  });
}

const probed = z.object({
  services: z.object({
    interpolated: z.object({ environment: z.record(z.string(), z.string().nullable()).nullish() }),
    file: z.object({ environment: z.record(z.string(), z.string().nullable()).nullish() }),
  }),
});

/**
 * Where compose takes another value from `.env` than all readers should.
 *
 * @param values what `readEnvText` found; registered as secrets by the caller.
 * @throws {CommandError} when compose fails for another reason than this file.
 */
export async function compareWithCompose(ops: RunOps, directory: string, values: Values): Promise<EnvFinding[]> {
  const names = Object.keys(values);
  // Proxies and the like may differ on purpose between this shell and the file; PATH and DOCKER_* can't be taken away.
  const kept = Object.entries(ops.env).filter(([name]) => !(name in values) || NEEDED.test(name));
  const probe = parserProbe(directory, names);
  let stdout: string;
  try {
    ({ stdout } = await run({ ...ops, env: Object.fromEntries(kept) }, probe));
  } catch (error) {
    const line = error instanceof CommandError ? refusedLine(error.output.stderr) : undefined;
    if (line === undefined) throw error;
    return [{ variable: '', line, cause: CAUSES.composeRefuses, severity: 'error' }];
  }
  const { interpolated, file } = answerOf('docker compose config', probed, stdout.replaceAll('$$', '$')).services;
  return names.flatMap((variable, i): EnvFinding[] => {
    const fromFile = file.environment?.[variable] ?? '';
    const inserted = interpolated.environment?.[`V${i}`] ?? '';
    if (fromFile === values[variable] && inserted === values[variable]) return [];
    const cause = fromFile === values[variable] && variable in ops.env ? CAUSES.composeEnvironment : CAUSES.compose;
    return [{ variable, line: 0, cause, severity: 'error' }];
  });
}

const NEEDED = /^(PATH|HOME|DOCKER_.*)$/;

/** compose's message repeats the line, so only its number is taken. 0 where it gives none. */
function refusedLine(stderr: string): number | undefined {
  if (!/failed to read \S*\.env: /.test(stderr)) return undefined;
  return Number(/\.env: line (\d+):/.exec(stderr)?.[1] ?? 0);
}
