import { commandFailed, misuse } from '../core/refusal.ts';
import { ask } from '../core/run.ts';
import { printable, same } from '../core/text.ts';
import { exec } from '../tools/docker/docker.ts';
import { redisCli } from '../tools/redis/cli.ts';
import { type Context, type Service, serviceOf } from './service.ts';

export type RedisAnswer = string | number | null | readonly (string | number | null)[];

/** Redis, with the password that compose gives it. */
export interface Redis extends Service {
  /**
   * One command: `command('GET', key)`. Integers are numbers, nil is null, a list an array (a list of lists is the text that redis-cli
   * prints). Outside of a step only what the server itself does not flag as writing, administering or running scripts.
   *
   * @throws {OpsError} `usage`: such a command; `command`: the server's own words; `precondition`: not running.
   */
  command(name: string, ...args: readonly string[]): Promise<RedisAnswer>;
  /** `INFO`, or a section of it (`memory`), by its fields. */
  info(section?: string): Promise<Readonly<Record<string, string>>>;
}

/** The server's words for what is more than a look (COMMAND INFO). `noscript` and `may_replicate` are scripts and sessions. */
const NO_LOOK = /^(write|admin|noscript|may_replicate|blocking|pubsub)$/m;

export function redisOf(context: Context): Redis {
  const { ops, stack, effect } = context;
  const service = serviceOf(context, 'redis');
  const cli = (argv: readonly string[], as: 'read' | 'change' = 'read') => {
    const password = stack.services.app.environment.REDIS_PASSWORD ?? '';
    const env = password === '' ? {} : { env: { REDISCLI_AUTH: password } };
    return ask(ops, exec(as, service.running().id, redisCli(ops, ...argv), { ...env, deadlineMs: 15_000 }));
  };
  const command: Redis['command'] = async (name, ...args) => {
    if (effect === 'read' && NO_LOOK.test(await cli(['COMMAND', 'INFO', name]))) throw noLook(name);
    const said = await cli(['--no-raw', name, ...args], effect);
    // It exits with 0 all the same; a value would be in quotes.
    const refused = /^(?:\(error\) )?((?:AUTH failed:|NOAUTH|NOPERM).*)|^\(error\) (.*)/.exec(said);
    if (refused) throw refusedBy(stack.services.redis.key, refused[1] ?? refused[2] ?? '');
    return answerOf(said);
  };
  return {
    ...service,
    command,
    async info(section) {
      const said = await command('INFO', ...(section === undefined ? [] : [section]));
      const fields = String(said).matchAll(/^([\w-]+):(.*?)\r?$/gm);
      return Object.fromEntries([...fields].map(([, name = '', value = '']) => [name, value]));
    },
  };
}

/** What `redis-cli --no-raw` prints. */
function answerOf(said: string): RedisAnswer {
  const items = said.split('\n');
  if (items.every((item, at) => item.trimStart().startsWith(`${at + 1}) `))) {
    const elements = items.map((item) => item.replace(/^ *\d+\) /, ''));
    return elements.some((e) => /^\d+\) /.test(e)) ? said : elements.map(scalar);
  }
  return said === '(empty array)' ? [] : said.includes('\n') ? said : scalar(said);
}

function scalar(said: string): string | number | null {
  if (said === '(nil)') return null;
  const [, integer] = /^\(integer\) (-?\d+)$/.exec(said) ?? [];
  if (integer !== undefined) return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
  return said.startsWith('"') && said.endsWith('"') ? unescaped(said.slice(1, -1)) : said;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' };

/** redis-cli writes each byte that is not printable ASCII as `\xNN`. */
function unescaped(text: string): string {
  const bytes = text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, c: string) =>
    hex === undefined ? (ESCAPES[c] ?? c) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

const noLook = (name: string) =>
  misuse(
    {
      en: `Redis says that ${printable(name)} does more than read.`,
      zh: `Redis 标明 ${printable(name)} 不是只读命令.`,
    },
    {
      en: 'A change: { changes: true }, and redis.command in a step.',
      zh: '需要修改时请声明 { changes: true }, 并在步骤中使用 redis.command.',
    },
  );

const refusedBy = (service: string, words: string) => commandFailed(same(`${service}: ${printable(words)}`));
