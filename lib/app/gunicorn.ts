import { z } from 'zod';
import { NOTHING_CHANGED, OpsError } from '../errors.ts';
import type { Ops } from '../host/ops.ts';
import { printable } from '../text.ts';
import { agent } from './agent.ts';
import type { Program } from './programs.ts';
import type { Staging } from './staging.ts';

const SETTING = /^(\w+)\s+= (.*)$/;

/** gunicorn's effective settings, as `--print-config` writes them: Python's words. */
export type Settings = ReadonlyMap<string, string>;

const ended = z.object({ pid: z.int(), exitCode: z.int().nullable(), said: z.string() });

/** Starting the application must not start a second scheduler. */
const withoutScheduler = (ops: Ops) => ({ [ops.target.app.schedulerVariable]: 'false' });

/**
 * The program's command line, with what it names below the application's root taken from the staged release instead.
 *
 * @param staged where a path of the container is staged; `undefined` for one that the release does not bring.
 */
export function stagedArgv(argv: readonly string[], staged: (path: string) => string | undefined): string[] {
  return argv.map((word) => {
    const [, name = '', value = ''] = /^(-{1,2}[\w-]+=)?(.*)$/s.exec(word) ?? [];
    const file = value.replace(/^file:/, '');
    return name + (staged(file) ?? value);
  });
}

/**
 * Has gunicorn read its configuration and load the application, as the web program would, without its scheduler; nothing
 * listens.
 *
 * @returns the effective settings.
 * @throws {OpsError} with gunicorn's and the application's own words.
 */
export async function checkGunicorn(
  ops: Ops,
  staging: Staging,
  web: Program,
  from: { readonly argv: readonly string[]; readonly cwd: string },
): Promise<Settings> {
  const seconds = ops.target.bootSeconds;
  const { exitCode, said } = await agent(ops, staging.container, 'as_web', {
    effect: 'change',
    args: {
      like: web.pid,
      argv: [...from.argv, '--print-config'],
      cwd: from.cwd,
      env: withoutScheduler(ops),
      log: `${staging.log}-check`,
      seconds,
    },
    answer: ended,
    deadlineMs: (seconds + 15) * 1000,
  });
  if (exitCode === 0) return settings(said);
  const words = said.split('\n').filter((line) => line.trim() && !SETTING.test(line));
  const tail = printable(ops.secrets.redact(words.slice(-15).join('\n')));
  throw new OpsError({
    kind: 'failed',
    what:
      exitCode === null
        ? {
            en: `The new release could not be loaded within ${seconds} s: importing it does not end.\n${tail}`,
            zh: `新版本在 ${seconds} 秒内未能加载完成, 导入过程没有结束.\n${tail}`,
          }
        : {
            en: `gunicorn can't load the new release:\n${tail}`,
            zh: `gunicorn 无法加载新版本:\n${tail}`,
          },
    state: NOTHING_CHANGED,
    next: [{ en: 'Correct it in the repository, then run again.', zh: '请在代码仓库中修正后重新运行.' }],
  });
}

/** Lines `name = value`. */
export function settings(said: string): Settings {
  const lines = said.split('\n').map((line) => SETTING.exec(line));
  return new Map(lines.flatMap((m) => (m ? [[m[1] as string, m[2] as string]] : [])));
}

/** Starts one worker of the staged release on a socket that only this container's root can reach. */
export async function startCanary(ops: Ops, staging: Staging, web: Program, argv: readonly string[]): Promise<number> {
  const overrides = [
    ...['--bind', `unix:${staging.socket}`, '--workers', '1', '--pid', `${staging.dir}/pid`, '--max-requests', '0'],
    ...['--access-logfile', '/dev/null', '--error-logfile', '-', '--name', 'canary'],
  ];
  const started = await agent(ops, staging.container, 'as_web', {
    effect: 'change',
    args: {
      like: web.pid,
      argv: [...argv, ...overrides],
      cwd: staging.tree,
      env: withoutScheduler(ops),
      log: `${staging.log}-canary`,
      seconds: 0,
    },
    answer: ended,
  });
  return started.pid;
}
