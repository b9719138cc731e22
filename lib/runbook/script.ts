import { setMaxListeners } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { OpsError, whatHappened } from '../errors.ts';
import { giveWay } from '../guard/give-way.ts';
import { type Lock, takeLock } from '../guard/lock.ts';
import { discardStale } from '../host/helpers.ts';
import type { Ops, Paths } from '../host/ops.ts';
import { CommandError } from '../host/run.ts';
import { Secrets } from '../host/secrets.ts';
import { childEnv, createShell } from '../host/shell.ts';
import type { World } from '../host/world.ts';
import { type Target, targetFor } from '../target/target.ts';
import { languageOf, printable, type Text } from '../text.ts';
import { type Action, readCommandLine, type Script } from './command-line.ts';
import { duration, type Parsed } from './flags.ts';
import { NO_JOURNAL, openJournal } from './journal.ts';
import type { Screen } from './screen.ts';
import { terminal } from './terminal.ts';

/**
 * Runs a script from command line to exit code: options, deploy directory, lock, journal, signals, and the report of however
 * it ended. With `--plan`, and for what only looks, nothing is written and no lock is taken.
 */
export async function main(script: Script, world: World): Promise<number> {
  const secrets = new Secrets();
  let language = languageOf(world.env);
  const plain = terminal({
    ...view(world, secrets),
    language,
    json: false,
    yes: false,
    interactive: false,
    log: () => undefined,
  });

  let parsed: Parsed;
  let action: Action;
  let name: string;
  let target: Target;
  try {
    const line = readCommandLine(script, world.argv);
    ({ parsed, name } = line);
    language = (parsed.lang as keyof Text | undefined) ?? language;
    if (parsed.help) return world.stdout(line.help(language)) ?? 0;
    if (parsed.version || line.action === undefined) return world.stdout(`${VERSION}\n`) ?? 0;
    action = line.action;
    target = loadTarget(parsed, world);
  } catch (error) {
    return report(plain, error);
  }

  const planOnly = Boolean(parsed.plan || parsed['dry-run']);
  const logs: { write: (text: string) => void } = { write: () => undefined };
  const screen = terminal({
    ...view(world, secrets),
    language,
    json: Boolean(parsed.json),
    yes: Boolean(parsed.yes),
    interactive: world.interactive,
    log: (text) => logs.write(text),
  });
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // each command under way listens to it
  const base = {
    $: createShell({ env: childEnv(world.env), spawn: world.spawn }),
    env: childEnv(world.env),
    target,
    clock: world.clock,
    net: world.net,
    screen,
    secrets,
    kill: world.kill,
    signal: stopping.signal,
  };

  const { onlyLooks = false } = action;
  if (planOnly || (typeof onlyLooks === 'function' ? onlyLooks(parsed) : onlyLooks)) {
    // Nothing is left behind in the deploy directory: not even an empty state directory.
    const scratch = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-'));
    try {
      const paths: Paths = { state: scratch, backups: path.join(stateDir(target), 'backups'), run: scratch };
      const verdict = await action.run({ ...base, paths, journal: NO_JOURNAL }, { ...parsed, planOnly });
      screen.show({ event: 'result', exitCode: 0, verdict: verdict.en });
      return 0;
    } catch (error) {
      return report(screen, error);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  let lock: Lock | undefined;
  let endWatch = () => {};
  const unhook = world.onSignal(stopOn(stopping, screen, world));
  try {
    let paths = makeState(target, script.name, world.clock.now());
    const since = new Date(world.clock.now()).toISOString();
    const holder = { user: world.user, host: world.hostname, pid: world.pid, script: name, since };
    const wait = parsed['lock-wait'] === undefined ? 0 : duration(String(parsed['lock-wait']));
    const deployLock = path.join(paths.state, 'lock');
    if (action.givesWay) {
      lock = await takeLock(base, `${deployLock}-${script.name}`, holder, wait);
      endWatch = await giveWay(base, deployLock, stopping);
    } else lock = await takeLock(base, deployLock, holder, wait);
    while (existsSync(paths.run)) {
      await world.clock.sleep(200, stopping.signal); // names carry the second; the last run ended within this one
      paths = makeState(target, script.name, world.clock.now());
    }
    mkdirSync(paths.run, { mode: 0o700 });
    logs.write = (text) => appendFileSync(path.join(paths.run, 'log'), text, { mode: 0o600 });
    const journal = openJournal(path.join(paths.run, 'journal'), world.clock.now, (event) => {
      if (parsed.verbose && event.event === 'intent') {
        screen.show({ event: 'info', text: { en: `      $ ${event.command}`, zh: `      $ ${event.command}` } });
      }
    });
    const { confirm: _typed, ...shown } = parsed;
    journal.write({ event: 'run-start', script: script.name, version: VERSION, pid: world.pid, options: shown });
    let exitCode = 0;
    let verdict: Text;
    try {
      const ops: Ops = { ...base, paths, journal, lockFd: lock.fd };
      await tidy(ops, action.givesWay ? script.name : undefined);
      verdict = await action.run(ops, { ...parsed, planOnly });
      screen.show({ event: 'result', exitCode, verdict: verdict.en });
    } catch (error) {
      verdict = whatHappened(error);
      exitCode = report(screen, error);
    }
    journal.write({ event: 'run-end', exitCode, verdict: secrets.redact(verdict.en) });
    journal.close();
    return exitCode;
  } catch (error) {
    return report(screen, error);
  } finally {
    unhook();
    endWatch();
    lock?.release();
  }
}

/**
 * Removes what killed runs left, and a rehearsal that has to give way; one that gives way itself holds only the lock of its kind. An engine
 * that does not answer is the script's own survey's to explain.
 */
async function tidy(ops: Ops, only: string | undefined): Promise<void> {
  try {
    await discardStale(ops, (run) => only === undefined || run.endsWith(`-${only}`));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
}

const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

const stateDir = (target: Target) => path.join(target.dir, '.whalefall-ops');

function view(world: World, secrets: Secrets) {
  return {
    color: world.colorTerminal,
    stdout: world.stdout,
    stderr: world.stderr,
    redact: (text: string) => secrets.redact(text),
  };
}

function loadTarget(parsed: Parsed, world: World): Target {
  const dir = path.resolve(world.cwd, String(parsed.dir ?? world.env.WHALEFALL_DIR ?? '.'));
  if (!existsSync(dir)) {
    throw new OpsError({
      kind: 'usage',
      what: { en: `no such directory: ${printable(dir)}`, zh: `目录不存在: ${printable(dir)}` },
      next: [{ en: 'Name the deploy directory with --dir.', zh: '用 --dir 指定部署目录.' }],
    });
  }
  if (parsed.config === undefined) return targetFor(dir);
  const file = path.resolve(world.cwd, String(parsed.config));
  try {
    return targetFor(dir, JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const why = whatHappened(error).en;
    throw new OpsError({
      kind: 'config',
      what: { en: `${printable(file)}: ${why}`, zh: `目标配置 ${printable(file)} 有误: ${why}` },
    });
  }
}

function makeState(target: Target, script: string, now: number): Paths {
  const state = stateDir(target);
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  const paths = { state, backups: path.join(state, 'backups'), run: path.join(state, 'runs', `${stamp}-${script}`) };
  try {
    for (const dir of [paths.backups, path.dirname(paths.run)]) mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(path.join(state, '.gitignore'), '*\n'); // git must never see dumps
  } catch (error) {
    const why = whatHappened(error).en;
    throw new OpsError({
      kind: 'precondition',
      what: { en: `${state} can't be written: ${why}`, zh: `无法写入 ${state}: ${why}` },
      next: [
        {
          en: 'Run as the owner of the deploy directory, or free some space.',
          zh: '请以部署目录所有者身份运行, 或清理磁盘空间.',
        },
      ],
    });
  }
  return paths;
}

/** One Ctrl-C arrives twice: from the terminal, and passed on by npx. */
const ONE_SIGNAL_MS = 1_000;

/** First signal: stop the step, undo, prove. Second: say what stopping would leave. Third: end. */
function stopOn(stopping: AbortController, screen: Screen, world: World) {
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  return (signal: 'SIGINT' | 'SIGTERM') => {
    const now = world.clock.monotonic();
    const again = now - last > ONE_SIGNAL_MS;
    last = now;
    if (!again) return;
    count += 1;
    const exitCode = signal === 'SIGTERM' ? 143 : 130;
    if (count === 1) {
      const what: Text = { en: `Stopped by ${signal}.`, zh: `收到 ${signal}, 已停止.` };
      screen.show({
        event: 'warning',
        text: {
          en: `${signal}: stopping after the command under way, then undoing.`,
          zh: `收到 ${signal}: 等当前命令结束后停止并撤销.`,
        },
      });
      stopping.abort(new OpsError({ kind: 'interrupted', what, exitCode }));
    } else if (count === 2) {
      screen.show({
        event: 'warning',
        text: {
          en: 'Undoing is under way. Once more ends at once and leaves the stack as it is at this moment, perhaps down.',
          zh: '正在撤销. 再按一次将立即结束, 服务会停留在此刻的状态(可能处于停止).',
        },
      });
    } else {
      world.exit(exitCode);
    }
  };
}

function report(screen: Screen, error: unknown): number {
  const known = error instanceof OpsError;
  const exitCode = known ? error.exitCode : 1;
  const show = (text: Text) => screen.show({ event: 'info', text });
  screen.show({ event: 'error', text: whatHappened(error) });
  if (known) {
    if (error.state) show(error.state);
    for (const text of error.next) show({ en: `→ ${text.en}`, zh: `→ ${text.zh}` });
  } else {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    show({
      en: `This is a bug in whalefall-ops; please report it.\n${stack}`,
      zh: `这是 whalefall-ops 的缺陷, 请反馈.\n${stack}`,
    });
  }
  screen.show({ event: 'result', exitCode, verdict: whatHappened(error).en });
  return exitCode;
}
