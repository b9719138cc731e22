import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { $, ask, SandboxError, say, until } from './run.ts';

// In /run, because the record must vanish with the process that it describes, at the latest on reboot.
const STATE = '/run/whalefall-sandbox';
const RECORD = `${STATE}/dockerd.json`;
const LOG = '/var/log/whalefall-sandbox-dockerd.log';

type Started = { pid: number; startTime: string };

/** Start the Docker daemon: through systemd where it runs, else as a process of our own. */
export async function startDaemon(): Promise<void> {
  if (await engineAnswers()) return;
  if (existsSync('/run/systemd/system')) {
    await $`systemctl start docker`;
  } else {
    startByHand();
  }
  if (await until(60, engineAnswers)) return;
  throw new SandboxError({
    en: `The Docker daemon did not answer within 60 s. Its log: ${LOG}`,
    zh: `Docker 守护进程在 60 秒内没有响应。日志：${LOG}`,
  });
}

function startByHand(): void {
  say({ en: 'Starting dockerd.', zh: '正在启动 dockerd。' });
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  const log = openSync(LOG, 'a', 0o600);
  // A session of its own: Ctrl-C in this terminal must not reach it.
  const child = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  if (child.pid === undefined) {
    throw new SandboxError({ en: 'dockerd could not be started.', zh: '无法启动 dockerd。' });
  }
  const record: Started = { pid: child.pid, startTime: startTimeOf(child.pid) ?? '' };
  writeFileSync(RECORD, JSON.stringify(record), { mode: 0o600 });
  child.unref();
}

/**
 * Stop the daemon that an earlier run started, unless a container still runs on it.
 * Tells whether it was stopped. A daemon that someone else started is never touched.
 */
export async function stopEngineWeStarted(): Promise<boolean> {
  const started = readRecord();
  if (!started) return false;
  const running = await ask('docker', 'ps', '-q');
  if (running) {
    say({
      en: 'The Docker daemon stays: other containers run on it.',
      zh: '保留 Docker 守护进程：其上仍有其他容器在运行。',
    });
    return false;
  }
  await stop(started);
  rmSync(STATE, { recursive: true, force: true });
  rmSync(LOG, { force: true });
  return true;
}

/** Stops the daemon that an earlier run started, with whatever runs on it, and starts it again. False when somebody else started it. */
export async function restartEngineWeStarted(): Promise<boolean> {
  const started = readRecord();
  if (!started) return false;
  await stop(started);
  await startDaemon();
  return true;
}

async function stop(started: Started): Promise<void> {
  process.kill(started.pid, 'SIGTERM');
  if (await until(30, async () => startTimeOf(started.pid) !== started.startTime)) return;
  throw new SandboxError({
    en: `dockerd (pid ${started.pid}) did not stop within 30 s.`,
    zh: `dockerd（进程号 ${started.pid}）在 30 秒内没有停止。`,
  });
}

/**
 * Forget what builds have cached. The cache can't tell whose a layer is, so on an engine that we did not start it stays.
 */
export async function removeBuildCacheIfOurs(): Promise<void> {
  if (readRecord() && !(await ask('docker', 'ps', '-q'))) await $`docker builder prune -af`;
}

async function engineAnswers(): Promise<boolean> {
  return Boolean(await ask('docker', 'version', '-f', '{{.Server.Version}}'));
}

/** The record, if the process that it names is still the one that we started. */
function readRecord(): Started | undefined {
  if (!existsSync(RECORD)) return undefined;
  const started = JSON.parse(readFileSync(RECORD, 'utf8')) as Started;
  return startTimeOf(started.pid) === started.startTime ? started : undefined;
}

/** Process ids are used again; together with the start time they are unique. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return afterName[0] === 'Z' ? undefined : afterName[19];
  } catch {
    return undefined;
  }
}
