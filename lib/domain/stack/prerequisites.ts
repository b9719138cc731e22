import { existsSync } from 'node:fs';
import path from 'node:path';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { type Reason, refuse } from '../../core/refusal.ts';
import { ask, CommandError } from '../../core/run.ts';
import { joined } from '../../core/text.ts';
import { composeVersion } from '../../tools/docker/compose.ts';
import { serverVersion } from '../../tools/docker/docker.ts';
import { requireLocalEngine } from '../../tools/docker/engine.ts';
import { curlVersion } from '../../tools/docker/engine-api.ts';
import { inspectCheckout } from '../../tools/git/checkout.ts';

const COMPOSE_FLOOR = [2, 17] as const; // `exec -T` and `cp` are reliable from there on

/** What must be there before anything else can be asked. @throws {OpsError} `precondition` with everything that is missing. */
export async function surveyPrerequisites(ops: Ops) {
  const findings: Reason[] = [];
  const noted = (finding: (error: CommandError) => Reason) => (error: unknown) => {
    ops.signal.throwIfAborted();
    if (error instanceof CommandError) findings.push(error.kind === 'deadline' ? tooLate(error) : finding(error));
    else if (error instanceof OpsError) findings.push(explained(error));
    else throw error;
    return null;
  };
  const [engine, , compose, checkout, curl] = await Promise.all([
    ask(ops, serverVersion()).catch(noted(engineMissing)),
    requireLocalEngine(ops).catch(noted(engineMissing)),
    ask(ops, composeVersion()).catch(noted(composeMissing)),
    inspectCheckout(ops, ops.target.dir).catch(noted(gitMissing)),
    ask(ops, curlVersion()).catch(noted(curlMissing)),
  ]);
  if (compose !== null && !isAtLeast(compose, COMPOSE_FLOOR)) findings.push(composeOld(compose));
  if (checkout === undefined) findings.push(noRepository(ops.target.dir));
  const files = [ops.target.composeFile, ops.target.dockerfile];
  for (const file of files)
    if (!existsSync(path.join(ops.target.dir, file))) findings.push(missingFile(file, ops.target.dir));
  if (findings.length > 0 || engine === null || compose === null || !checkout || curl === null) throw all(findings);
  return { engine, compose: compose.replace(/^v/, ''), checkout };
}

function all(found: readonly Reason[]): OpsError {
  // Without docker each question about it fails alike.
  const findings = found.filter(({ text }, at) => found.findIndex((other) => other.text.en === text.en) === at);
  const texts = findings.map((f) => f.text);
  return refuse(joined(texts, '\n'), ...findings.map((f) => f.fix));
}

/** What says itself what to do about it. */
const explained = ({ what, next }: OpsError): Reason => ({ text: what, fix: joined(next, '\n') });

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const m = /(\d+)\.(\d+)/.exec(version);
  if (!m) return false;
  return Number(m[1]) > major || (Number(m[1]) === major && Number(m[2]) >= minor);
}

/** It is there, and does not answer: nothing is to be installed. */
const tooLate = ({ what }: CommandError): Reason => ({
  text: what,
  fix: {
    en: 'It answers at once on a machine that is well: look at its load, memory and disk (and journalctl -u docker), then run again.',
    zh: '正常情况下该命令应立即返回: 请检查机器负载、内存和磁盘 (以及 journalctl -u docker), 然后重新运行.',
  },
});

const engineMissing = (error: CommandError): Reason =>
  error.output.exitCode === 127
    ? {
        text: { en: 'Docker is not installed (no command `docker`).', zh: '未安装 Docker (找不到 docker 命令).' },
        fix: { en: 'Install Docker Engine and its compose plugin.', zh: '请安装 Docker Engine 及 compose 插件.' },
      }
    : {
        text: {
          en: `The Docker engine does not answer: ${error.output.stderr.trim()}`,
          zh: `Docker 引擎没有响应: ${error.output.stderr.trim()}`,
        },
        fix: {
          en: 'Start it (systemctl start docker), or run as a user who may use it.',
          zh: '请启动引擎 (systemctl start docker), 或使用有权限的用户运行.',
        },
      };

const composeMissing = (): Reason => ({
  text: {
    en: 'There is no `docker compose` (the old `docker-compose` 1.x will not do).',
    zh: '没有 docker compose 子命令 (旧的 docker-compose 1.x 不可用).',
  },
  fix: {
    en: 'Install the Docker Compose v2 plugin (package docker-compose-plugin), then: docker compose version',
    zh: '请安装 Docker Compose v2 插件 (docker-compose-plugin), 然后执行: docker compose version',
  },
});

const composeOld = (version: string): Reason => ({
  text: {
    en: `docker compose ${version} is too old; at least ${COMPOSE_FLOOR.join('.')} is needed.`,
    zh: `docker compose ${version} 版本过低, 至少需要 ${COMPOSE_FLOOR.join('.')}.`,
  },
  fix: { en: 'Upgrade the compose plugin.', zh: '请升级 compose 插件.' },
});

const gitMissing = (error: CommandError): Reason => ({
  text: { en: `git can't be used: ${error.output.stderr.trim()}`, zh: `git 不可用: ${error.output.stderr.trim()}` },
  fix: { en: 'Install git.', zh: '请安装 git.' },
});

const curlMissing = (error: CommandError): Reason => ({
  text: { en: `curl can't be used: ${error.output.stderr.trim()}`, zh: `curl 不可用: ${error.output.stderr.trim()}` },
  fix: { en: 'Install curl.', zh: '请安装 curl.' },
});

const noRepository = (dir: string): Reason => ({
  text: {
    en: `${dir} is not a git repository with a commit (or belongs to another user).`,
    zh: `${dir} 不是含有提交的 git 仓库 (或属于其他用户).`,
  },
  fix: {
    en: 'Run in the deploy directory, or name it with --dir. For another owner: git config --global --add safe.directory <dir>',
    zh: '请在部署目录运行, 或用 --dir 指定. 若仓库属于其他用户: git config --global --add safe.directory <目录>',
  },
});

const missingFile = (file: string, dir: string): Reason => ({
  text: { en: `${file} is missing in ${dir}.`, zh: `${dir} 中缺少 ${file}.` },
  fix: { en: 'Is this the deploy directory? Name it with --dir.', zh: '请确认部署目录是否正确, 可用 --dir 指定.' },
});
