import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { OpsError, whatHappened } from '../../core/errors.ts';
import type { Paths } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { asTyped } from '../../core/run.ts';
import { type Target, targetFor } from '../../core/target.ts';
import { printable, type Text } from '../../core/text.ts';
import { scriptsFrom, type World } from '../../core/world.ts';
import type { Parsed } from './flags.ts';

/**
 * Where everything of ours is kept: backups, runs, releases, the lock. Rules, helpers and figures are known by it, so it has one name, however
 * the directory is spelled; to compose it goes as it was spelled, which names the project and its mounts by that.
 */
export const stateDir = (target: Target): string => path.join(realpathSync(target.dir), '.whalefall-ops');

/** The target that the options name, or the present directory. @throws {OpsError} `usage` or `config`. */
export function loadTarget(parsed: Parsed, world: World): Target {
  const dir = path.resolve(world.cwd, String(parsed.dir ?? world.env.WHALEFALL_DIR ?? '.'));
  if (!existsSync(dir)) throw noDirectory(dir, parsed.dir === undefined ? 'WHALEFALL_DIR' : '--dir');
  const file = configFile(parsed, world);
  const { COMPOSE_FILE: named, COMPOSE_PATH_SEPARATOR: separator } = world.env;
  const composeFiles = named ? named.split(separator || path.delimiter) : undefined;
  if (file === undefined) return targetFor(dir, {}, composeFiles);
  try {
    return targetFor(dir, JSON.parse(readFileSync(file, 'utf8')), composeFiles);
  } catch (error) {
    const why = whatHappened(error).en;
    throw new OpsError({
      kind: 'config',
      what: { en: `${printable(file)}: ${why}`, zh: `目标配置 ${printable(file)} 有误: ${why}` },
    });
  }
}

/** @param by what named it. */
function noDirectory(dir: string, by: string): OpsError {
  let there = path.dirname(dir);
  while (!existsSync(there)) there = path.dirname(there);
  const [is, exists] = [printable(dir), printable(there)];
  return new OpsError({
    kind: 'usage',
    what: { en: `no such directory: ${is} (${by}); ${exists} exists`, zh: `目录不存在: ${is} (${by}); ${exists} 存在` },
    next: [
      {
        en: `Correct ${by}: the deploy directory is the one with .env and the compose file.`,
        zh: `请修正 ${by}: 部署目录即 .env 与 compose 文件所在的目录.`,
      },
    ],
  });
}

/** The target configuration that the options name. */
function configFile(parsed: Parsed, world: World): string | undefined {
  const named = parsed.config ?? world.env.WHALEFALL_CONFIG;
  return named === undefined ? undefined : path.resolve(world.cwd, String(named));
}

/** What stands before a command of ours that is shown, so that it means the same target wherever it is typed. */
export function typedBefore(parsed: Parsed, target: Target, world: World): string {
  const config = configFile(parsed, world);
  return [
    ...(target.dir === path.resolve(world.cwd) ? [] : [`WHALEFALL_DIR=${asTyped([target.dir])} `]),
    ...(config === undefined ? [] : [`WHALEFALL_CONFIG=${asTyped([config])} `]),
  ].join('');
}

/** The same with the name of a script, wherever it is typed on this machine. */
export function typedAnywhere(parsed: Parsed, target: Target, world: World): string {
  const elsewhere = { ...world, cwd: '/' };
  const config = configFile(parsed, world);
  return typedBefore(config === undefined ? parsed : { ...parsed, config }, target, elsewhere) + scriptsFrom('/');
}

/** Makes the state directory, for its owner alone. @throws {OpsError} `precondition` */
export function makeState(target: Target): Omit<Paths, 'run'> {
  const state = stateDir(target);
  const [backups, runs] = [path.join(state, 'backups'), path.join(state, 'runs')];
  try {
    for (const dir of [backups, runs]) mkdirSync(dir, { recursive: true, mode: 0o700 });
    // One that was there already, by whoever's hand: dumps and logs are nobody else's business.
    for (const dir of [state, backups, runs]) if (statSync(dir).mode & 0o077) chmodSync(dir, 0o700);
    for (const dir of [state, backups, runs]) accessSync(dir, constants.W_OK); // as root, too: a read-only file system
    hideFromGit(path.join(state, '.gitignore'));
    return { state, backups };
  } catch (error) {
    const why = whatHappened(error).en;
    throw unwritable({ en: `${state} can't be written: ${why}`, zh: `无法写入 ${state}: ${why}` });
  }
}

/** Something below the state directory. */
export const unwritable = (what: Text): OpsError =>
  unmet(what, {
    en: 'Run as the owner of the deploy directory, or free some space.',
    zh: '请以部署目录所有者身份运行, 或清理磁盘空间.',
  });

/** git must never see dumps. Not written anew each time: a full disk would leave an empty file. */
function hideFromGit(file: string): void {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== IGNORED) writeFileSync(file, IGNORED);
}

const IGNORED = '*\n';
