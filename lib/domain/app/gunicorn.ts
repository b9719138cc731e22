import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { printable } from '../../core/text.ts';
import { isWithin } from '../../tools/docker/places.ts';
import { agent } from './agent.ts';
import type { Program } from './programs.ts';
import { type Staging, unfit } from './staging.ts';

/** gunicorn's effective settings by their names, in Python's words. */
export type Settings = ReadonlyMap<string, string>;

const outcome = z.object({
  pid: z.int(),
  /** Null: it goes on, or was killed because it did not end. */
  exitCode: z.int().nullable(),
  /** What it printed. */
  said: z.string(),
  /** Its settings; null when it did not come so far. */
  told: z.string().nullable(),
});

/**
 * The program's command line, with what it names below the application's root taken from the staged release instead; and its configuration,
 * which it need not name, or not like that.
 *
 * @param staged where a path of the container is staged; `undefined` for one that the release does not bring.
 */
export function stagedArgv(
  { argv, config }: Pick<Program, 'argv' | 'config'>,
  staged: (path: string) => string | undefined,
): string[] {
  const words = argv.map((word) => {
    const [, name = '', value = ''] = /^(-{1,2}[\w-]+=|-c(?=\S))?(.*)$/s.exec(word) ?? [];
    const file = value.replace(/^file:/, '');
    return name + (staged(file) ?? value);
  });
  const own = config && staged(config);
  return own && !words.some((word) => word.endsWith(own)) ? [...words, '--config', own] : words;
}

type Started = Pick<Program, 'cwd' | 'startsIn'>;

export const startOf = ({ cwd, startsIn = cwd }: Started): string => startsIn;

/** Where its next start begins, in the staged tree where that is the application's: the module that it names may be found by nothing else. */
export function stagedStart(program: Started, root: string, tree: string): string {
  const start = startOf(program);
  return isWithin(start, root) ? path.posix.join(tree, path.posix.relative(root, start)) : start;
}

/** A command line of gunicorn's, and where it is to run. */
export interface From {
  readonly argv: readonly string[];
  readonly cwd: string;
}

/**
 * Has gunicorn read its configuration as the web program would; nothing listens, and the application is not loaded.
 *
 * @returns the effective settings.
 * @throws {OpsError} with gunicorn's own words.
 */
export async function readSettings(ops: Ops, staging: Staging, web: Program, from: From): Promise<Settings> {
  const name = `settings-${randomUUID()}`; // several programs' are read at once
  return settingsOf(ops, await tryGunicorn(ops, staging, web, { name, from, instead: null }));
}

/**
 * Has gunicorn load the application once, as the web program would, without its scheduler; nothing listens.
 *
 * @returns the effective settings.
 * @throws {OpsError} with gunicorn's and the application's own words.
 */
export async function loadOnce(ops: Ops, staging: Staging, web: Program, from: From): Promise<Settings> {
  const tried = await tryGunicorn(ops, staging, web, { name: 'load', from, instead: { check_config: true } });
  const settings = settingsOf(ops, tried);
  if (tried.exitCode === 0) return settings;
  const words = lastWords(ops, tried.said);
  throw unfit(
    tried.exitCode === null
      ? {
          en: `The new release could not be loaded within ${ops.target.bootSeconds} s: importing it does not end.\n${words}`,
          zh: `新版本在 ${ops.target.bootSeconds} 秒内未能加载完成, 导入一直未完成.\n${words}`,
        }
      : { en: `gunicorn can't load the new release:\n${words}`, zh: `gunicorn 无法加载新版本:\n${words}` },
  );
}

/** A release that boots beside what serves. */
export interface Canary {
  /** Its gunicorn's master. */
  readonly pid: number;
  /** What the release's configuration asks for; the canary itself has a socket of its own and one worker. */
  readonly settings: Settings;
}

/**
 * Starts one worker of the staged release on a socket that only this container's root can reach.
 *
 * @throws {OpsError} with gunicorn's own words when it can't read its configuration.
 */
export async function startCanary(ops: Ops, staging: Staging, web: Program, from: From): Promise<Canary> {
  const instead = {
    bind: [`unix:${staging.socket}`],
    workers: 1,
    pidfile: `${staging.trial}/pid`,
    max_requests: 0,
    accesslog: '/dev/null',
    errorlog: '-',
    proc_name: 'canary',
    // Since 25.1 every master makes one, at a path that all of a user's share: the web program's would be taken over.
    control_socket_disable: true,
  };
  const tried = await tryGunicorn(ops, staging, web, { name: 'canary', from, instead, leave: true });
  return { pid: tried.pid, settings: settingsOf(ops, tried) };
}

interface Trial {
  /** Of the files for its log and its settings. */
  readonly name: string;
  readonly from: From;
  /** Settings that replace the configured ones, by gunicorn's names; null: nothing is started. */
  readonly instead: Readonly<Record<string, unknown>> | null;
  /** It goes on when it has told its settings. */
  readonly leave?: boolean;
}

function tryGunicorn(ops: Ops, staging: Staging, web: Program, asked: Trial): Promise<z.infer<typeof outcome>> {
  const { name, from, instead, leave = false } = asked;
  const seconds = ops.target.bootSeconds;
  const at = from.argv.findIndex((word) => word.endsWith('gunicorn'));
  // `python [-u] [-m] gunicorn`: its options are not for `-c`.
  const python = at > 0 ? from.argv.slice(0, 1) : [ops.target.app.python];
  const code = readFileSync(new URL('agent/try_gunicorn.py', import.meta.url), 'utf8');
  const told = `${staging.trial}/told-${name}`;
  const trial = instead && { settings: instead, root: ops.target.app.root, tree: staging.tree };
  const argv = [...python, '-c', code, told, JSON.stringify(trial), ...from.argv.slice(at + 1)];
  const env = { [ops.target.app.schedulerVariable]: 'false' }; // never a second scheduler
  const log = `${staging.log}-${name}`;
  const places = { trial: staging.trial, tree: staging.tree, root: ops.target.app.root };
  return agent(ops, staging.container, 'as_web', {
    effect: 'change',
    args: { like: web.pid, argv, cwd: from.cwd, env, log, told, leave, seconds, ...places },
    answer: outcome,
    deadlineMs: (seconds + 15) * 1000,
  });
}

function settingsOf(ops: Ops, { told, exitCode, said }: z.infer<typeof outcome>): Settings {
  if (told !== null) return settings(told);
  const words = lastWords(ops, said);
  throw unfit(
    exitCode === null
      ? {
          en: `gunicorn did not read its configuration within ${ops.target.bootSeconds} s.\n${words}`,
          zh: `gunicorn 在 ${ops.target.bootSeconds} 秒内未能读完配置.\n${words}`,
        }
      : { en: `gunicorn does not accept its configuration:\n${words}`, zh: `gunicorn 配置无效:\n${words}` },
  );
}

function lastWords(ops: Ops, said: string): string {
  const words = said.split('\n').filter((line) => line.trim());
  return printable(ops.secrets.redact(words.slice(-15).join('\n')));
}

/** Lines `name = value`. */
export const settings = (said: string): Settings =>
  new Map([...said.matchAll(/^(\w+)[ \t]+= (.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
