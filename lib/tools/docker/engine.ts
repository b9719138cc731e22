import { read } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { ask } from '../../core/run.ts';
import { printable, same, type Text } from '../../core/text.ts';
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
  return {
    what: from(same(`docker context ${name}`)),
    next: clear('docker context use default'),
  };
}

/** Of `ssh://user@host` and `tcp://user:password@host`, only the host. */
const withoutLogin = (endpoint: string): string => endpoint.replace(/\/\/[^/@]*@/, '//');

/** What tells this engine from another one, whichever way it is reached. */
export const engineId = (ops: Ops): Promise<string> => ask(ops, read(['docker', 'info', '-f', '{{.ID}}']));
