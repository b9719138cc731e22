import { readFileSync } from 'node:fs';
import { firstAbort } from '../../core/concurrency.ts';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import { CommandError } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { PYTHON_BY_LINE } from '../../tools/docker/docker.ts';
import { flask, flaskDb, MARGIN_MS } from './flask-db.ts';

const PROGRAM = new URL('upgrade.py', import.meta.url);
/** What it says when it has loaded the application. */
const LOADED = 'whalefall-ops: loaded';
/** A migration may rewrite tables. */
const DEADLINE_MS = 600_000;
/** What it exits with when SIGALRM ends it. */
const ALARM = 128 + 14;

/** A migration whose application is loaded ahead of its turn. */
export interface Upgrade {
  /**
   * Waits until the application is loaded. Where it was, and has died since, it is loaded once more.
   *
   * @throws {OpsError} when it can't be loaded: nothing was migrated then.
   */
  loaded(): Promise<void>;
  /** Runs what is missing, in one transaction. Only `migrate` also looks at the result. */
  go(): Promise<string>;
  /** Gives it up, unless it has ended. Never throws. */
  stop(): Promise<void>;
}

/** Has the application loaded, which takes seconds. Nothing is changed before the word, nor without it. */
export function loadUpgrade(ops: Ops, container: string): Upgrade {
  let now = load(ops, container);
  return {
    async loaded() {
      if (now.isOver()) now = load(ops, container);
      await now.loaded;
    },
    async go() {
      await now.loaded;
      return now.go();
    },
    stop: () => now.stop(),
  };
}

function load(ops: Ops, container: string) {
  const { target } = ops;
  const stopping = new AbortController();
  const signal = firstAbort(ops.signal, stopping.signal);
  const { say, isLoaded, ...talk } = conversation();
  const seconds = [target.bootSeconds, DEADLINE_MS / 1000].map(String);
  const program = [target.app.python, '-c', PYTHON_BY_LINE, LOADED, ...seconds];
  const command = flask(target, container, { program, words: ['upgrade'] }, { deadlineMs: DEADLINE_MS, ...talk });
  let isOver = false;
  const ended = flaskDb({ ...ops, signal }, command, ['upgrade'], ALARM).finally(() => {
    isOver = true;
  });
  // Its own limit comes first; an engine that does not answer has none.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        stopping.abort();
        reject(neverLoaded(target.bootSeconds, ''));
      },
      target.bootSeconds * 1000 + MARGIN_MS,
    );
  });
  const endedFirst = ended.then(
    () => {
      throw failed(ENDED_ITSELF, CORRECT_IT);
    },
    (error: unknown) => {
      throw whyNotLoaded(error, target.bootSeconds);
    },
  );
  const loaded = Promise.race([isLoaded, endedFirst, late]).finally(() => clearTimeout(timer));
  for (const promise of [ended, endedFirst, loaded]) promise.catch(() => undefined);
  return {
    loaded,
    isOver: () => isOver,
    go() {
      say('go\n');
      return ended;
    },
    async stop() {
      stopping.abort();
      await ended.catch(() => undefined);
    },
  };
}

/** What is heard of the program, and said to it. */
function conversation() {
  let say: (word: string) => void = () => undefined;
  let told: () => void = () => undefined;
  const moreInput = new Promise<string>((resolve) => {
    say = resolve;
  });
  const isLoaded = new Promise<void>((resolve) => {
    told = resolve;
  });
  let tail = '';
  const heard = (text: string) => {
    tail = (tail + text).slice(-1000);
    if (tail.includes(`\n${LOADED}\n`)) told();
  };
  const input = `${JSON.stringify(readFileSync(PROGRAM, 'utf8'))}\n`;
  return { input, moreInput, heard, isLoaded, say };
}

const ENDED_ITSELF: Text = {
  en: 'flask db upgrade: loading the application ended the program (exit code 0) before anything was migrated.',
  zh: 'flask db upgrade: 加载应用时程序自行退出 (退出码 0), 尚未执行任何迁移.',
};

const CORRECT_IT: Text = { en: 'Correct it in the repository, then run again.', zh: '请在代码仓库中修正后重新运行.' };

/** Where it hangs is told first, and then by whom that was called. */
function whyNotLoaded(error: unknown, seconds: number): unknown {
  const hangs = error instanceof CommandError && /^Timeout \(.*\)!\n([\s\S]*)/m.exec(error.output.stderr)?.[1];
  return hangs ? neverLoaded(seconds, hangs.split('\n').slice(0, 8).join('\n')) : error;
}

const neverLoaded = (seconds: number, where: string): OpsError =>
  new OpsError({
    kind: 'deadline',
    what: {
      en: `flask db upgrade: the application could not be loaded within ${seconds} s: importing or creating it does not end.\n${where}`.trim(),
      zh: `flask db upgrade: 应用在 ${seconds} 秒内未能加载完成, 导入或创建应用一直未结束.\n${where}`.trim(),
    },
    next: [CORRECT_IT],
  });
