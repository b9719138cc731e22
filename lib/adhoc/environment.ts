import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { allEnded } from '../core/concurrency.ts';
import { ask, read, run } from '../core/run.ts';
import type { Target } from '../core/target.ts';
import { answerOf } from '../core/tool-output.ts';
import { readEnvText } from '../domain/env/file.ts';
import { registerVariables } from '../domain/env/secrets.ts';
import type { Container } from '../tools/docker/containers.ts';
import { exec } from '../tools/docker/docker.ts';
import { Secret } from './secret.ts';
import type { Context } from './service.ts';

/** Variables by name. Values can be compared, not shown. */
export type Variables = Readonly<Record<string, Secret>>;

/** The application's environment as each of those has it that pass it on. */
export interface Environment {
  /** `.env` now; a line on which its readers disagree is not in it. Empty without the file. */
  readonly file: Variables;
  /** What compose would give the container now: `.env` as the compose file uses it, and what stands there itself. */
  readonly compose: Variables;
  /** What the container was given when it was made, but for what its image brings. */
  readonly container: Variables;
  /** What the web program has; `undefined` when there is none. Its start script reads `.env` over the container's. */
  readonly process: Variables | undefined;
}

/** A variable that is not as it would be after a rebuild. */
export interface Drift {
  readonly name: string;
  /** What the container was given, against what compose would give it now. */
  readonly container: Compared;
  /** What the web program has, against `.env` read over what compose gives; `-`: it does not run, or has a value of its own. */
  readonly process: Compared | '-';
}

/** `missing`: it should be there and is not. `extra`: nothing gives it any more. */
export type Compared = 'same' | 'differs' | 'missing' | 'extra';

/**
 * By name, what drifted. Neither `.env`'s nor compose's are the scheduler's variable, of which supervisord gives each of its programs another
 * value, and those in which the scripts give a container the commit.
 */
export function driftIn(
  { file, compose, container, process }: Environment,
  { app, release }: Pick<Target, 'app' | 'release'>,
): readonly Drift[] {
  const wanted = { ...compose, ...file };
  const own = app.schedulerVariable;
  const all = Object.keys({ ...wanted, ...container }).sort();
  const names = all.filter((name) => !release.stamp.includes(name));
  return names
    .map(
      (name): Drift => ({
        name,
        container: compared(compose[name], container[name]),
        process: process === undefined || name === own ? '-' : compared(wanted[name], process[name]),
      }),
    )
    .filter((d) => d.container !== 'same' || (d.process !== 'same' && d.process !== '-'));
}

function compared(wanted: Secret | undefined, found: Secret | undefined): Compared {
  if (wanted === undefined) return found === undefined ? 'same' : 'extra';
  if (found === undefined) return 'missing';
  return wanted.equals(found) ? 'same' : 'differs';
}

/** @param pid of the program in the container's own numbers. */
export async function environmentOf(context: Context, app: Container, pid: number | undefined): Promise<Environment> {
  const { ops, stack } = context;
  const hidden = (values: Readonly<Record<string, string>>): Variables => {
    registerVariables(ops.secrets, values);
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, new Secret(value)]));
  };
  const [container, process] = await allEnded([
    givenTo(context, app),
    pid === undefined ? Promise.resolve(undefined) : ask(ops, exec('read', app.id, ['cat', `/proc/${pid}/environ`])),
  ]);
  return {
    file: hidden(inFile(path.join(ops.target.dir, '.env'))),
    compose: hidden(stack.services.app.environment),
    container: hidden(container),
    process: process === undefined ? undefined : hidden(pairs(process.split('\0'))),
  };
}

function inFile(file: string): Readonly<Record<string, string>> {
  try {
    return readEnvText(readFileSync(file, 'utf8')).values;
  } catch {
    return {};
  }
}

const environment = z.array(z.string()).nullable();

async function givenTo({ ops, stack }: Context, app: Container): Promise<Record<string, string>> {
  const variables = read(['docker', 'inspect', '-f', '{{json .Config.Env}}', app.id, app.imageId]);
  const { stdout } = await run(ops, variables, [0, 1]); // 1: its image is gone
  const [given = [], brought = []] = stdout
    .trim()
    .split('\n')
    .map((line) => answerOf('docker inspect', environment, line) ?? []);
  // Both may give a variable the same value: then it is compose's, too.
  const asked = stack.services.app.environment;
  return pairs(given.filter((variable) => !brought.includes(variable) || nameIn(variable) in asked));
}

const nameIn = (variable: string): string => variable.slice(0, Math.max(0, variable.indexOf('=')));

const pairs = (variables: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    variables.flatMap((variable) => {
      const at = variable.indexOf('=');
      return at < 1 ? [] : [[variable.slice(0, at), variable.slice(at + 1)]];
    }),
  );
