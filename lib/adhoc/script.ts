import path from 'node:path';
import { OpsError, whatHappened } from '../core/errors.ts';
import type { Ops } from '../core/ops.ts';
import { misuse } from '../core/refusal.ts';
import { ONLY_PLANNED } from '../core/verdict.ts';
import type { Action, Script } from '../runs/command-line/script.ts';
import { program } from '../runs/main/main.ts';
import { hearConsole } from './console.ts';
import { broken } from './errors.ts';
import { declared, type FlagValues, type OwnFlags, valuesOf } from './flags.ts';
import { type Deployment, deploymentOf, type WritableDeployment } from './handle.ts';
import { type Answers, OnlyPlanned, takeSteps } from './steps.ts';
import { textOf, type Words } from './words.ts';

interface Looking<F extends OwnFlags> {
  /** Its own options. */
  readonly flags?: F;
  readonly changes?: false;
}

interface Changing<F extends OwnFlags> {
  readonly flags?: F;
  /** It changes something: it takes the locks of the deploy directory and its project, writes a journal, and gets `steps`. */
  readonly changes: true;
}

type Body<D> = (deployment: D) => Promise<unknown>;

/**
 * A script of one's own: the command line (`--dir`, `--config`, `--json`, `--lang`, `--help`, …), the deployment, deadlines, redaction,
 * Ctrl-C and exit codes for nothing. Runs when its file is the program that was started; does nothing when it is imported. What
 * `body` returns is shown: rows as a table, text as text.
 *
 * It only looks, without a lock and leaving nothing behind, unless it says `{ changes: true }`.
 *
 * @param module `import.meta`; the script is called as its file.
 * @returns its declaration, for tests.
 */
export function script(module: Module, about: Words, body: Body<Deployment<Record<never, never>>>): Promise<Script>;
export function script<const F extends OwnFlags = Record<never, never>>(
  module: Module,
  about: Words,
  options: Looking<F>,
  body: Body<Deployment<F>>,
): Promise<Script>;
export function script<const F extends OwnFlags = Record<never, never>>(
  module: Module,
  about: Words,
  options: Changing<F>,
  body: Body<WritableDeployment<F>>,
): Promise<Script>;
export async function script(
  module: Module,
  about: Words,
  second: Body<never> | Looking<OwnFlags> | Changing<OwnFlags>,
  third?: Body<never>,
): Promise<Script> {
  const options = typeof second === 'function' ? {} : second;
  const body = (third ?? second) as Body<WritableDeployment>;
  const declaration = declarationOf(module, about, options, body);
  await program(module, declaration);
  return declaration;
}

/** As Node has it. */
export interface Module {
  readonly filename: string;
}

function declarationOf(
  { filename }: Module,
  about: Words,
  { flags = {}, changes = false }: { readonly flags?: OwnFlags; readonly changes?: boolean },
  body: Body<WritableDeployment>,
): Script {
  const name = nameOf(filename);
  const own: Action['run'] = async (ops, parsed) => {
    const giveBack = hearConsole(ops.screen);
    try {
      const answers = {
        planOnly: parsed.planOnly,
        confirm: parsed.confirm === undefined ? undefined : String(parsed.confirm),
      };
      return await carriedOut(ops, valuesOf(flags, parsed), changes ? answers : undefined, body);
    } catch (error) {
      throw error instanceof OpsError || ops.signal.aborted ? error : broken(name, filename, error);
    } finally {
      giveBack();
    }
  };
  return {
    // A dot is in no name of our own scripts: what a journal of it says is never started by another script.
    name: changes ? `adhoc.${name}` : name,
    file: filename,
    about: textOf(about),
    flags: declared(flags),
    ...(changes ? {} : { onlyLooks: true }),
    run: own,
  };
}

/** @param answers of a script that changes something. */
async function carriedOut(
  ops: Ops,
  flags: FlagValues<OwnFlags>,
  answers: Answers | undefined,
  body: Body<WritableDeployment>,
) {
  const { deployment, output } = await deploymentOf(ops, flags, answers ? 'change' : 'look');
  const progress: Progress = { steps: 'none' };
  const given = answers ? { ...deployment, steps: stepsOf(ops, deployment, answers, progress) } : deployment;
  try {
    output.result(await body(given as WritableDeployment));
  } catch (error) {
    if (error instanceof OnlyPlanned) return ONLY_PLANNED;
    throw progress.steps === 'done' ? afterSteps(error) : error;
  }
  const found = output.problems();
  if (found === 0) return { en: 'done', zh: '完成' };
  const exitCode = progress.steps === 'done' ? 6 : 1;
  return { en: `problems: ${found}`, zh: `发现 ${found} 个问题`, exitCode };
}

interface Progress {
  steps: 'none' | 'begun' | 'done';
}

function stepsOf(ops: Ops, deployment: Deployment, answers: Answers, progress: Progress): WritableDeployment['steps'] {
  return async (list, options) => {
    if (progress.steps !== 'none') throw twice;
    progress.steps = 'begun';
    await takeSteps(ops, deployment, list, { ...options, ...answers });
    progress.steps = 'done';
  };
}

/** 1 would say that all is as before. */
function afterSteps(error: unknown): OpsError {
  return new OpsError({
    kind: 'needs-person',
    what: whatHappened(error),
    state: {
      en: 'The steps before it were carried out, and stay.',
      zh: '该步骤之前的步骤已执行, 其结果保留 (不撤销).',
    },
    next: error instanceof OpsError ? error.next : [],
    cause: error,
  });
}

const twice = misuse({
  en: 'steps() is for once in a script: what it did before would not be undone.',
  zh: 'steps() 在一个脚本中只能调用一次: 之前的步骤不会被撤销.',
});

/** `/x/who-holds-locks.ts` is `who-holds-locks`. */
function nameOf(filename: string): string {
  const name = path.basename(filename).replace(/\.[cm]?[jt]s$/, '');
  if (/^[a-z0-9][a-z0-9._-]*$/i.test(name)) return name;
  throw misuse({
    en: `A script's file is named in letters, digits and dashes: ${name}`,
    zh: `脚本文件名只能包含字母、数字和连字符: ${name}`,
  });
}
