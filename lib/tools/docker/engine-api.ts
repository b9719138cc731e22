import { z } from 'zod';
import { commandFailed, unmet } from '../../core/refusal.ts';
import { ask, change, onceInRun, type RunOps, read, run } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';

// For the little that the docker command can't say: a container's whole definition, and a container made of one. By curl, so that it is a
// command like any other, with a deadline and in the journal; what is sent goes by stdin, because it has secrets in it.

const refused = z.object({ message: z.string() });

/** The program that this needs. */
export const curlVersion = () => read(['curl', '--version']);

/** @throws {OpsError} `command` with the engine's words when it says no. */
export async function getFromEngine<T>(ops: RunOps, path: string, form: z.ZodType<T>): Promise<T> {
  const { stdout } = await run(ops, read(await curl(ops, path)));
  return answerIn(path, stdout, form);
}

/** The same for a request that changes something; an empty answer is null. */
export async function postToEngine<T>(ops: RunOps, path: string, body: unknown, form: z.ZodType<T>): Promise<T> {
  const how = ['-H', 'Content-Type: application/json', '--data-binary', '@-'];
  const { stdout } = await run(ops, change([...(await curl(ops, path)), ...how], { input: JSON.stringify(body) }));
  return answerIn(path, stdout, form);
}

/** Without a version in the path, every engine answers in the newest form that it knows. */
async function curl(ops: RunOps, path: string): Promise<string[]> {
  return ['curl', '-sS', '-w', '%{http_code}', '--unix-socket', await socketOf(ops), `http://localhost${path}`];
}

/** Where the engine is that the docker command talks to, by its present context, which DOCKER_HOST overrides. Asks no engine. */
export async function findEngine(ops: RunOps): Promise<{ readonly context: string; readonly endpoint: string }> {
  const inspect = read(['docker', 'context', 'inspect', '-f', '{{.Name}}\t{{.Endpoints.docker.Host}}']);
  const said = await onceInRun(ops, 'docker context', () => ask(ops, inspect));
  const [context = '', endpoint = ''] = said.split('\t');
  return { context, endpoint };
}

async function socketOf(ops: RunOps): Promise<string> {
  const { endpoint: host } = await findEngine(ops);
  const [, socket] = /^unix:\/\/(\/.+)$/.exec(host) ?? [];
  if (socket !== undefined) return socket;
  throw unmet(
    {
      en: `The engine is not reached through a socket of this machine (${printable(host)}).`,
      zh: `Docker 引擎不是通过本机 socket 访问的 (${printable(host)}).`,
    },
    { en: 'Run this on the machine where the engine runs.', zh: '请在 Docker 引擎所在的机器上运行.' },
  );
}

function answerIn<T>(path: string, stdout: string, form: z.ZodType<T>): T {
  const [body, status] = [stdout.slice(0, -3), stdout.slice(-3)];
  if (/^2\d\d$/.test(status)) return answerOf('the engine', form, body.trim() || 'null');
  const { message } = answerOf('the engine', refused, body);
  throw commandFailed({
    en: `The engine refused ${path} (${status}): ${printable(message)}`,
    zh: `Docker 引擎拒绝 ${path} (${status}): ${printable(message)}`,
  });
}
