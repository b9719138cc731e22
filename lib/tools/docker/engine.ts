import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { ask, type RunOps, read } from '../../core/run.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import { findEngine } from './engine-api.ts';

/**
 * Lock, disk space, backups and requests are this machine's, so the engine must be, too.
 *
 * @param use whoever only looks is told, and goes on.
 * @throws {OpsError} `precondition` when docker talks to another machine's engine, naming what makes it.
 */
export async function requireLocalEngine(ops: Ops, use: 'change' | 'look' = 'change'): Promise<void> {
  const { context, endpoint } = await findEngine(ops);
  if (endpoint === '' || endpoint.startsWith('unix://')) return;
  const { what, next } = told(ops.env, context, endpoint);
  if (use === 'change') throw refuse(what, next);
  ops.screen.show({ event: 'warning', text: what, fix: next });
}

function told(env: Ops['env'], context: string, endpoint: string): { what: Text; next: Text } {
  const where = printable(withoutLogin(endpoint));
  const from = (by: Text): Text => ({
    en: `docker talks to another machine’s engine: ${where} (${by.en}). Lock, disk space and backups would be this machine’s.`,
    zh: `docker 连接的是另一台机器的引擎: ${where} (${by.zh}). 而锁、磁盘空间和备份都在本机.`,
  });
  const there: Text = { en: 'Run the script on that machine.', zh: '请在该机器上运行脚本.' };
  const clear = (command: string): Text => ({
    en: `${there.en} Or, for this machine’s engine: ${command}`,
    zh: `${there.zh} 若要使用本机引擎: ${command}`,
  });
  if (env.DOCKER_HOST) return { what: from(same('DOCKER_HOST')), next: clear('unset DOCKER_HOST') };
  const name = printable(context);
  if (env.DOCKER_CONTEXT) return { what: from(same(`DOCKER_CONTEXT=${name}`)), next: clear('unset DOCKER_CONTEXT') };
  return { what: from(same(`docker context ${name}`)), next: clear('docker context use default') };
}

/** Of `ssh://user@host` and `tcp://user:password@host`, only the host. */
const withoutLogin = (endpoint: string): string => endpoint.replace(/\/\/[^/@]*@/, '//');

/** Whether the engine runs as a user, in a network of its own: this machine does not reach the addresses of its containers. */
export async function isRootless(ops: RunOps): Promise<boolean> {
  const said = await ask(ops, read(['docker', 'info', '-f', '{{json .SecurityOptions}}']));
  const options = answerOf('docker info', z.array(z.string()).nullable(), said);
  return (options ?? []).some((o) => o.includes('rootless'));
}

/** What replaces the application's container asks PostgreSQL and the application at their own addresses. @throws {OpsError} `precondition` */
export async function requireReachable(ops: RunOps): Promise<void> {
  if (!(await isRootless(ops))) return;
  throw refuse(
    {
      en: 'The engine runs rootless: this machine does not reach its containers at their own addresses, by which the database and the new container are proved.',
      zh: 'Docker 引擎以 rootless 方式运行: 本机无法访问容器自身的地址, 而数据库和新容器要经该地址验证.',
    },
    {
      en: 'Run the stack on the system’s engine (docker context use default), whose data directory is another one: take the data along by a backup.',
      zh: '请在系统级 Docker 引擎上运行 (docker context use default). 其数据目录不同, 数据需通过备份迁移.',
    },
  );
}

/** What tells this engine from another one, whichever way it is reached. */
export const engineId = (ops: Ops): Promise<string> => ask(ops, read(['docker', 'info', '-f', '{{.ID}}']));
