import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { asTyped } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { type RedisInfo, redisInfo } from '../../tools/redis/info.ts';
import type { Health } from '../app/health.ts';
import { redisPassword } from '../replacement/stack-facts.ts';
import type { Containers } from '../stack/containers.ts';
import type { Stack } from '../stack/stack.ts';

/**
 * What to do about a stack that is not well, as far as the cause is known. A rebuild is named only where it is a cure: what starts no better
 * than before takes production down for nothing.
 */
export async function adviceFor(
  ops: Ops,
  stack: Stack,
  containers: Containers,
  health: Health | undefined,
): Promise<readonly Text[]> {
  const all = [containers.app, containers.postgres, containers.redis];
  const paused = all.flatMap((c) => (c?.state === 'paused' ? [unpause(c)] : []));
  if (all.some((c) => c === undefined || !['running', 'paused', 'restarting'].includes(c.state)))
    return [...paused, REBUILD];
  if (paused.length > 0) return paused;
  const { app, postgres, redis } = containers;
  const bad = health?.checks.flatMap((c) => c.bad ?? []) ?? [];
  const silent = health?.checks.some((c) => ['timeout', 'gateway', 'refused', 'network'].includes(c.outcome));
  const found = [
    ...(redis && bad.includes('redis') ? [await whyRedis(ops, stack, redis), logsOf(redis)] : []),
    ...(postgres && bad.includes('database') ? [DATABASE, logsOf(postgres)] : []),
    ...(app && silent && bad.length === 0 ? [hung(app), logsOf(app)] : []),
  ];
  if (found.length > 0) return [...found, NO_REBUILD];
  return [WAIT, UNKNOWN, ...all.flatMap((c) => (c === undefined ? [] : [logsOf(c)]))];
}

const unpause = ({ id }: Container): Text => ({
  en: `What is paused goes on with: docker unpause ${id.slice(0, 12)}`,
  zh: `已暂停的容器恢复运行: docker unpause ${id.slice(0, 12)}`,
});

const logsOf = ({ id, name }: Container): Text => {
  const typed = asTyped(['docker', 'logs', '--tail', '50', id.slice(0, 12)]);
  return { en: `What ${printable(name)} says: ${typed}`, zh: `查看 ${printable(name)} 的日志: ${typed}` };
};

const REBUILD: Text = {
  en: 'A full rebuild starts and proves all of it, and keeps the data: npx tsx scripts/deploy-prod-all.ts --data keep',
  zh: '全量重建会启动并验证全部服务, 且保留数据: npx tsx scripts/deploy-prod-all.ts --data keep',
};

const NO_REBUILD: Text = {
  en: 'A full rebuild would meet the same trouble, after it has taken production down. Cure it first, then run this again.',
  zh: '全量重建会先中断服务, 然后遇到同样的问题. 请先排除故障, 再重新运行.',
};

const WAIT: Text = {
  en: 'What was only just started needs a minute: then run this again.',
  zh: '若服务刚刚启动, 稍等片刻后重新运行即可.',
};

const UNKNOWN: Text = {
  en: 'Otherwise the cause is not known from here, nor whether a full rebuild would cure it. Look at what each of them says:',
  zh: '否则, 仅凭现有信息无法判断原因, 也无法判断全量重建是否有效. 请查看各容器日志:',
};

const DATABASE: Text = {
  en: 'PostgreSQL runs, but the application can’t use it: a full disk, no connections left, or another password than in .env.',
  zh: 'PostgreSQL 在运行, 但应用无法使用: 可能是磁盘已满、连接耗尽, 或密码与 .env 不一致.',
};

const hung = ({ id }: Container): Text => ({
  en: `The application does not answer: its workers hang or end. docker exec ${id.slice(0, 12)} supervisorctl status; if they hang: docker restart ${id.slice(0, 12)}, which users notice`,
  zh: `应用没有应答: worker 卡死或已退出. docker exec ${id.slice(0, 12)} supervisorctl status; 若已卡住: docker restart ${id.slice(0, 12)} (会短暂中断服务)`,
});

/** By Redis’ own words. It answers INFO also when it takes no writes. */
async function whyRedis(ops: Ops, stack: Stack, { id }: Container): Promise<Text> {
  return redisInfo(ops, id, redisPassword(stack)).then(troubleIn, (error: unknown) =>
    /\b(WRONGPASS|NOAUTH|NOPERM)\b/.test(whatHappened(error).en) ? PASSWORD : REDIS_UNKNOWN,
  );
}

/** What an answer to INFO tells of why clients can’t work. */
function troubleIn(info: RedisInfo): Text {
  const [used, limit] = [Number(info.used_memory ?? 0), Number(info.maxmemory ?? 0)];
  if (info.loading === '1') return LOADING;
  if (info.rdb_last_bgsave_status === 'err' || info.aof_last_write_status === 'err') return DISK;
  if (limit > 0 && used >= limit * FULL && info.maxmemory_policy === 'noeviction') return MEMORY;
  return REDIS_UNKNOWN;
}

/** It refuses writes somewhat before the last byte. */
const FULL = 0.95;

const PASSWORD: Text = {
  en: 'Redis refuses the password in .env: it runs with another one. Put the former one back, or recreate its container (which loses only what it has not written).',
  zh: 'Redis 拒绝 .env 中的密码: 它仍使用另一个密码. 请恢复原密码, 或重建 redis 容器 (仅丢失未落盘的内容).',
};
const LOADING: Text = {
  en: 'Redis is still loading its data. Wait, then run this again.',
  zh: 'Redis 正在加载数据. 请稍候再运行.',
};
const DISK: Text = {
  en: 'Redis can’t write its data to disk (MISCONF), so it takes no writes: look for a full disk (df -h).',
  zh: 'Redis 无法将数据写入磁盘 (MISCONF), 因此拒绝写入: 请检查磁盘是否已满 (df -h).',
};
const MEMORY: Text = {
  en: 'Redis has used up maxmemory (OOM), so it takes no writes: raise maxmemory, or remove what is not needed.',
  zh: 'Redis 已用满 maxmemory (OOM), 因此拒绝写入: 请调大 maxmemory 或清理不需要的键.',
};
const REDIS_UNKNOWN: Text = {
  en: 'Redis runs, but the application can’t use it; why, is not known from here.',
  zh: 'Redis 在运行, 但应用无法使用; 原因无法从外部判断.',
};
