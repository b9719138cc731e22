import { refuse } from '../../core/refusal.ts';
import { printable, type Text } from '../../core/text.ts';
import type { Settings } from '../app/gunicorn.ts';
import { isGunicorn, type Program } from '../app/programs.ts';
import type { HoldFacts } from '../hold/survey.ts';
import type { Facts } from './facts.ts';
import { RESTARTS, type RestartKind } from './options.ts';

export interface Restart {
  readonly kind: RestartKind;
  readonly why: Text;
}

/** gunicorn's settings as they are and as the new release has them; `before` only where the configuration file changed. */
export interface GunicornSettings {
  readonly before: Settings | undefined;
  readonly after: Settings;
}

/** Whether a file that the program was started with, or its configuration, will be another. */
export const changesSettings = ({ copies, files }: Facts, root: string, { argv, config }: Program): boolean => {
  const changed = [...copies.map(({ to }) => to), ...[...files.put, ...files.remove].map((file) => `${root}/${file}`)];
  return changed.some((file) => file === config || argv.some((word) => word.endsWith(file)));
};

/**
 * How a program beside the web program gets new code. `succession`: its workers end, and the master, which keeps the socket, makes others;
 * requests to it wait, and of a scheduler there are never two. `restart`: supervisord ends and starts it, and requests to it fail meanwhile, unless
 * they are held.
 */
export type Way = 'succession' | 'restart';

/** Programs that are restarted though nginx leads people to them, each with one of the places. */
export const restartedInSight = ({ served }: Facts, ways: Ways['ways']): Facts['served']['led'] =>
  served.led.filter(({ program }) => ways.get(program) === 'restart');

const HELD_MS = 20_000;

/**
 * How long requests wait at most for a program that is restarted: one that is not back by then must not keep those waiting who want something
 * else, nor have them turned away.
 */
export const heldMs = (hold: HoldFacts): number =>
  hold.kind === 'plain' ? 0 : Math.min(HELD_MS, Math.max(hold.atMost * 1000 - 1000, 0));

/**
 * The gentlest that is right. Pure.
 *
 * @param settings unknown before the new release was tried: then succession is foretold only where nothing speaks against it.
 */
export function wayOf(program: Program, facts: Facts, root: string, settings?: GunicornSettings): Way {
  const preloads = program.settings?.preload_app;
  if (!isGunicorn(program) || preloads) return 'restart';
  if (settings === undefined) {
    const isPlain = preloads === false && !changesSettings(facts, root, program);
    return isPlain && staysAlone(facts, program, program.workers.length) ? 'succession' : 'restart';
  }
  const { before, after } = settings;
  const isPlain = after.get('preload_app') === 'False' && !(before && differ(before, after));
  return isPlain && staysAlone(facts, program, Number(after.get('workers'))) ? 'succession' : 'restart';
}

/** Of several schedulers the first to come would meet the last to go. */
export const staysAlone = ({ programs }: Facts, program: Program, workers: number): boolean =>
  program.name !== programs.scheduler?.name || workers === 1;

const changesSupervisor = (facts: Facts): boolean => facts.copies.some(({ to }) => to.startsWith('/etc/supervisor/'));

/**
 * The gentlest way that is provably right, also for what an update that was killed left. Pure.
 *
 * @param settings unknown before the new release was tried.
 */
export const neededRestart = (facts: Facts, root: string, settings: GunicornSettings | undefined): Restart =>
  atLeast(facts.pendingRestart, gentlest(facts, root, settings));

function gentlest(facts: Facts, root: string, settings: GunicornSettings | undefined): Restart {
  const { web, scheduler } = facts.programs;
  const all = [settings?.before, settings?.after].filter((s) => s !== undefined);
  const preloads = web.settings?.preload_app || all.some((s) => s.get('preload_app') === 'True');
  if (changesSupervisor(facts)) {
    return container({
      en: "supervisor's configuration changed, and only a restart reads it",
      zh: 'supervisor 配置有变化, 只有重启才会生效',
    });
  }
  if (web.scheduler !== 'false' && scheduler === undefined) {
    return container({
      en: `${web.name} also runs the scheduler, of which there must never be two`,
      zh: `${web.name} 同时运行调度器, 而调度器不能同时存在两个`,
    });
  }
  if (preloads) {
    return container({
      en: 'gunicorn preloads the application: its workers would keep the old code',
      zh: 'gunicorn 启用了 preload_app, worker 会继续使用旧代码',
    });
  }
  if (settings?.before && settings.before.get('bind') !== settings.after.get('bind')) {
    return container({ en: "gunicorn's address changed", zh: 'gunicorn 监听地址有变化' });
  }
  if (settings ? settings.before && differ(settings.before, settings.after) : changesSettings(facts, root, web)) {
    return {
      kind: 'reload',
      why: {
        en: "gunicorn's configuration changed: requests wait while the new workers load",
        zh: 'gunicorn 配置有变化: 新 worker 加载期间请求会等待',
      },
    };
  }
  return {
    kind: 'rolling',
    why: { en: 'new workers take over before the old ones leave', zh: '新 worker 就绪后旧 worker 才退出, 不中断服务' },
  };
}

/**
 * What was asked for, if it is right.
 *
 * @throws {OpsError} `precondition` when it would leave old code running.
 */
export function chooseRestart(
  asked: RestartKind | 'auto',
  facts: Facts,
  root: string,
  settings?: GunicornSettings,
): Restart {
  const best = neededRestart(facts, root, settings);
  if (asked === 'auto' || asked === best.kind) return best;
  if (RESTARTS.indexOf(asked) > RESTARTS.indexOf(best.kind)) {
    return { kind: asked, why: { en: 'asked for (--restart)', zh: '由 --restart 指定' } };
  }
  throw refuse(
    { en: `--restart ${asked} would not do: ${best.why.en}.`, zh: `--restart ${asked} 不适用: ${best.why.zh}.` },
    { en: `Use --restart ${best.kind}, or leave it out.`, zh: `请使用 --restart ${best.kind}, 或去掉该选项.` },
  );
}

/** What the plan said or the trial found of how processes come to run the new code. */
export interface Ways {
  readonly restart: Restart;
  /** By program; where the container is restarted, they make no difference. */
  readonly ways: ReadonlyMap<string, Way>;
}

/**
 * A release's gunicorn may tell only when it is tried that workers can't bring it. Who agreed to less is given neither a restart of the
 * container, for which nobody looked whether requests can wait, nor one of a program, to which requests fail. Pure.
 *
 * @throws {OpsError} `precondition`
 */
export function requireAgreed(agreed: Ways, found: Ways, direction: 'forward' | 'back'): void {
  if (agreed.restart.kind === 'container') return;
  const more =
    found.restart.kind === 'container'
      ? {
          en: `The container would have to be restarted, which the plan did not say: ${found.restart.why.en}.`,
          zh: `需要重启容器, 而计划中并未列出: ${found.restart.why.zh}.`,
        }
      : restartedToo(agreed, found);
  if (more === undefined) return;
  throw refuse(
    more,
    direction === 'forward'
      ? {
          en: 'Run again with --restart container: the plan then says what becomes of requests.',
          zh: '请加上 --restart container 重新运行, 计划会说明重启期间请求如何处理.',
        }
      : {
          en: 'Go back with --way image: the plan then says what becomes of requests.',
          zh: '请改用 --way image 回退, 计划会说明期间请求如何处理.',
        },
  );
}

function restartedToo(agreed: Ways, found: Ways): Text | undefined {
  const names = [...found.ways].flatMap(([name, way]) =>
    way === 'restart' && agreed.ways.get(name) === 'succession' ? [name] : [],
  );
  if (names.length === 0) return undefined;
  const list = names.map(printable).join(', ');
  return {
    en: `${list} would have to be restarted, which the plan did not say; requests to it would fail meanwhile: the new release's gunicorn settings (preload_app, workers) leave no gentler way.`,
    zh: `需要重启 ${list}, 而计划中并未列出, 期间发往它的请求会失败: 新版本的 gunicorn 设置 (preload_app、workers) 不允许更平滑的方式.`,
  };
}

function atLeast(owed: RestartKind | undefined, best: Restart): Restart {
  if (owed === undefined || RESTARTS.indexOf(owed) <= RESTARTS.indexOf(best.kind)) return best;
  return {
    kind: owed,
    why: {
      en: 'an update that was killed put a configuration in place that nobody has read yet',
      zh: '上次被强制终止的更新已放入新配置, 但尚未生效',
    },
  };
}

const container = (why: Text): Restart => ({ kind: 'container', why });

/** `config` is the file's own name, which differs because the new one is still staged. */
function differ(a: Settings, b: Settings): boolean {
  const names = new Set([...a.keys(), ...b.keys()]);
  for (const name of ['config', 'chdir', 'print_config']) names.delete(name);
  return [...names].some((name) => a.get(name) !== b.get(name));
}
