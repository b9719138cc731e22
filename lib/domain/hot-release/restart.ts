import { refuse } from '../../core/refusal.ts';
import type { Text } from '../../core/text.ts';
import type { Settings } from '../app/gunicorn.ts';
import { isGunicorn, type Program } from '../app/programs.ts';
import type { Facts } from './facts.ts';
import { RESTARTS, type RestartKind } from './restart-kinds.ts';

export interface Restart {
  readonly kind: RestartKind;
  readonly why: Text;
}

/** gunicorn's settings as they are and as the new release has them; `before` only where the configuration file changed. */
export interface GunicornSettings {
  readonly before: Settings | undefined;
  readonly after: Settings;
}

/** Whether a file that the program was started with, such as its configuration, will be another. */
export const changesSettings = ({ copies, files }: Facts, root: string, { argv }: Program): boolean => {
  const changed = [...copies.map(({ to }) => to), ...files.put.map((file) => `${root}/${file}`)];
  return changed.some((file) => argv.some((word) => word.endsWith(file)));
};

/**
 * How the scheduler's program gets new code, of which there must never be two. `succession`: its worker ends, and the master, which keeps
 * the socket, makes another; requests to it wait. `restart`: supervisord ends and starts it, and requests to it fail meanwhile.
 */
export type SchedulerWay = 'succession' | 'restart';

/** The gentlest that is right. Pure. @param settings unknown before the new release was tried. */
export function schedulerWay(facts: Facts, root: string, settings: GunicornSettings | undefined): SchedulerWay {
  const { scheduler } = facts.programs;
  if (!scheduler || !isGunicorn(scheduler)) return 'restart';
  if (scheduler.settings?.preload_app) return 'restart';
  if (settings === undefined) return changesSettings(facts, root, scheduler) ? 'restart' : 'succession';
  const { before, after } = settings;
  const alone = after.get('workers') === '1' && after.get('preload_app') === 'False';
  return alone && !(before && differ(before, after)) ? 'succession' : 'restart';
}

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
    why: {
      en: 'new workers take over before the old ones leave',
      zh: '新 worker 就绪后旧 worker 才退出, 不中断服务',
    },
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
    {
      en: `--restart ${asked} would not do: ${best.why.en}.`,
      zh: `--restart ${asked} 不适用: ${best.why.zh}.`,
    },
    { en: `Use --restart ${best.kind}, or leave it out.`, zh: `请使用 --restart ${best.kind}, 或去掉该选项.` },
  );
}

/**
 * A release's gunicorn may tell only when it is tried that workers can't bring it. Who agreed to less is not given a restart of the
 * container, for which nobody looked whether requests can wait. Pure.
 *
 * @throws {OpsError} `precondition`
 */
export function requireAgreed(agreed: Restart, found: Restart, direction: 'forward' | 'back'): void {
  if (found.kind !== 'container' || agreed.kind === 'container') return;
  throw refuse(
    {
      en: `The container would have to be restarted, which the plan did not say: ${found.why.en}.`,
      zh: `需要重启容器, 而计划中并未列出: ${found.why.zh}.`,
    },
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
