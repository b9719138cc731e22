import { z } from 'zod';
import { NOTHING_CHANGED, OpsError } from '../errors.ts';
import type { Ops } from '../host/ops.ts';
import { printable, type Text } from '../text.ts';
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

/** gunicorn itself without an application: loading one takes the longest. `load` is what its custom applications define. */
const WITHOUT_APPLICATION = [
  'from gunicorn.app.wsgiapp import WSGIApplication as G',
  'G.load = lambda self: None',
  'G("%(prog)s [OPTIONS] [APP_MODULE]").run()',
].join('\n');

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
  const at = from.argv.findIndex((word) => word.endsWith('gunicorn'));
  // `python [-u] [-m] gunicorn`: its options are not for `-c`.
  const python = at > 0 ? from.argv.slice(0, 1) : [ops.target.app.python];
  const argv = [...python, '-c', WITHOUT_APPLICATION, ...from.argv.slice(at + 1), '--print-config'];
  const { exitCode, said } = await toItsEnd(ops, staging, web, { ...from, argv }, 'settings');
  if (exitCode === 0) return settings(said);
  const words = lastWords(ops, said);
  throw unfit(
    exitCode === null
      ? {
          en: `gunicorn did not read its configuration within ${ops.target.bootSeconds} s.\n${words}`,
          zh: `gunicorn 在 ${ops.target.bootSeconds} 秒内未能读完配置.\n${words}`,
        }
      : {
          en: `gunicorn does not accept its configuration:\n${words}`,
          zh: `gunicorn 配置无效:\n${words}`,
        },
  );
}

/**
 * Has gunicorn load the application once, as the web program would, without its scheduler; nothing listens.
 *
 * @throws {OpsError} with gunicorn's and the application's own words.
 */
export async function loadOnce(ops: Ops, staging: Staging, web: Program, from: From): Promise<void> {
  const argv = [...from.argv, '--check-config'];
  const { exitCode, said } = await toItsEnd(ops, staging, web, { ...from, argv }, 'load');
  if (exitCode === 0) return;
  const words = lastWords(ops, said);
  throw unfit(
    exitCode === null
      ? {
          en: `The new release could not be loaded within ${ops.target.bootSeconds} s: importing it does not end.\n${words}`,
          zh: `新版本在 ${ops.target.bootSeconds} 秒内未能加载完成, 导入过程没有结束.\n${words}`,
        }
      : {
          en: `gunicorn can't load the new release:\n${words}`,
          zh: `gunicorn 无法加载新版本:\n${words}`,
        },
  );
}

function toItsEnd(ops: Ops, staging: Staging, web: Program, { argv, cwd }: From, log: string) {
  const seconds = ops.target.bootSeconds;
  return agent(ops, staging.container, 'as_web', {
    effect: 'change',
    args: { like: web.pid, argv, cwd, env: withoutScheduler(ops), log: `${staging.log}-${log}`, seconds },
    answer: ended,
    deadlineMs: (seconds + 15) * 1000,
  });
}

function lastWords(ops: Ops, said: string): string {
  const words = said.split('\n').filter((line) => line.trim() && !SETTING.test(line));
  return printable(ops.secrets.redact(words.slice(-15).join('\n')));
}

const unfit = (what: Text) =>
  new OpsError({
    kind: 'failed',
    what,
    state: NOTHING_CHANGED,
    next: [{ en: 'Correct it in the repository, then run again.', zh: '请在代码仓库中修正后重新运行.' }],
  });

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
