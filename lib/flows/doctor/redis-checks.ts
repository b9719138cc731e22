import path from 'node:path';
import { asTyped } from '../../core/run.ts';
import { humanBytes, same } from '../../core/text.ts';
import { redisCli } from '../../tools/redis/cli.ts';
import { type Basis, type Check, checksOf, fail, nameOf, WELL, warn } from './check.ts';
import { count, inside, line, ours, t, type } from './words.ts';

const check = checksOf('redis');
const REPAIR = ours('deploy-prod-all.ts --data keep');

/** With the password of `.env`, which is in no argument and not shown. */
function typed(facts: Basis, ...words: readonly string[]) {
  const file = facts.at.known ? path.join(facts.at.value.target.dir, '.env') : '.env';
  const cli = facts.at.known ? redisCli(facts.at.value, ...words) : ['redis-cli', ...words];
  const asks = asTyped(['docker', 'exec', '-e', 'REDISCLI_AUTH', nameOf(facts, 'redis') ?? '?', ...cli]);
  return same(`(. ${asTyped([file])}; REDISCLI_AUTH=$REDIS_PASSWORD ${asks})`);
}

/** Twice what it needs now, in whole MB. */
const roomFor = (used: number): string => `${Math.ceil((used * 2) / MB)}mb`;
const MB = 1_048_576;

export const redisChecks: readonly Check[] = [
  check({
    id: 'redis.answers',
    title: t('Redis answers to the password of .env', '用 .env 中的密码访问 Redis 有应答'),
    meaning: t(
      'It hangs, is loading, or has another password than .env. Its own health check passes all the same: a refusal is an answer to it.',
      'Redis 卡死、正在加载, 或密码与 .env 不同. 其自带健康检查仍会通过: 拒绝也算应答.',
    ),
    ask: ['containers'],
    also: ['redis', 'logins'],
    explains: ['redis.*', 'health.deep'],
    judge({ containers }, { redis, logins }) {
      const container = containers.redis;
      if (container?.state !== 'running' || redis.known) return WELL;
      // Whether it is broken already, or at the next start, the logins tell.
      if (logins.known && (logins.value.redis.now?.ok || /AUTH|WRONGPASS/.test(redis.why.en))) return WELL;
      return fail(
        { en: line(redis.why.en), zh: line(redis.why.zh) },
        type('docker', 'logs', '--tail', '30', container.name),
        REPAIR,
      );
    },
  }),
  check({
    id: 'redis.login',
    title: t('the application can connect to Redis anew with what it has', '应用能用当前凭据重新连接 Redis'),
    meaning: t(
      'Connections that it has still work, and hide it. Each new one fails.',
      '已有连接仍可用, 掩盖了问题, 新连接全部失败.',
    ),
    ask: ['logins'],
    explains: ['redis.login-next', 'health.deep'],
    judge({ logins: { redis } }) {
      const { now } = redis;
      return !now?.asked || now.ok ? WELL : fail(same(line(now.said, 200)), REPAIR);
    },
  }),
  check({
    id: 'redis.login-next',
    when: 'next-restart',
    title: t('the application can connect to Redis with what .env says', '应用能用 .env 中的凭据连接 Redis'),
    meaning: t(
      'Redis was started with another password. The application gets .env’s at its next start, and Redis only when its container is made anew.',
      'Redis 以另一个密码启动. 应用下次启动会使用 .env 的密码, 而 Redis 只有重建容器后才会更换.',
    ),
    ask: ['logins'],
    judge({ logins: { redis } }) {
      const { now, next } = redis;
      if (!next?.asked || next.ok || (now?.asked && !now.ok)) return WELL;
      return fail(same(line(next.said, 200)), REPAIR);
    },
  }),
  check({
    id: 'redis.memory',
    title: t('Redis has memory left', 'Redis 内存充足'),
    meaning: t(
      'At its limit Redis refuses writes, or throws keys away, as its policy says: nobody stays logged in, and tasks may run twice.',
      '达到上限后, Redis 按策略拒绝写入或丢弃键: 登录失效, 任务可能重复执行.',
    ),
    ask: ['redis'],
    explains: ['health.deep'],
    judge({ redis }, facts) {
      const [used, most] = [Number(redis.used_memory ?? 0), Number(redis.maxmemory ?? 0)];
      const policy = redis.maxmemory_policy ?? '?';
      const evicted = Number(redis.evicted_keys ?? 0);
      const look = typed(facts, 'INFO', 'memory');
      const raise = [
        typed(facts, 'CONFIG', 'SET', 'maxmemory', roomFor(used)),
        t('For good: maxmemory in the compose file', '永久修改: compose 文件中的 maxmemory'),
      ];
      if (most > 0 && used > most * 0.9)
        return (used >= most * 0.99 && policy === 'noeviction' ? fail : warn)(
          t(
            `uses ${humanBytes(used)}; its limit (maxmemory) is ${humanBytes(most)}; ${policy}`,
            `已用 ${humanBytes(used)}, 上限 (maxmemory) 为 ${humanBytes(most)}; ${policy}`,
          ),
          look,
          ...raise,
        );
      return evicted > 0
        ? warn(t(`${count(evicted, 'key')} evicted (${policy})`, `已淘汰 ${evicted} 个键 (${policy})`), look, ...raise)
        : WELL;
    },
  }),
  check({
    id: 'redis.persistence',
    title: t('Redis can save', 'Redis 持久化正常'),
    meaning: t(
      'Its last save or its log failed, mostly for lack of disk. It may refuse writes now, and loses them at its next start.',
      '最近一次保存或 AOF 写入失败, 多为磁盘不足. 可能已拒绝写入, 下次启动会丢失数据.',
    ),
    ask: ['redis'],
    explains: ['health.deep'],
    judge({ redis }, facts) {
      const bad = ['rdb_last_bgsave_status', 'aof_last_bgrewrite_status', 'aof_last_write_status'].filter(
        (f) => redis[f] === 'err',
      );
      return bad.length === 0
        ? WELL
        : fail(
            same(bad.join(', ')),
            type('docker', 'logs', '--tail', '30', nameOf(facts, 'redis') ?? '?'),
            inside(nameOf(facts, 'redis'), 'df', '-h', '/data'),
          );
    },
  }),
  check({
    id: 'redis.writable',
    title: t('Redis is a master', 'Redis 为主节点'),
    meaning: t(
      'It was made a replica of another server: it takes no writes, and its keys may be replaced by theirs. An open port without a password is how that happens.',
      '它被设为其他服务器的从节点: 不接受写入, 数据可能被对方覆盖. 多因端口暴露且无密码.',
    ),
    ask: ['redis'],
    explains: ['health.deep'],
    judge: ({ redis }, facts) =>
      redis.role === 'slave'
        ? fail(
            t(`replica of ${line(redis.master_host ?? '?')}`, `${line(redis.master_host ?? '?')} 的从节点`),
            typed(facts, 'REPLICAOF', 'NO', 'ONE'),
          )
        : WELL,
  }),
];
