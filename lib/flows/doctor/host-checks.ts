import { humanBytes, same } from '../../core/text.ts';
import { loginOf } from '../../domain/stack/stack.ts';
import { type Basis, type Check, checksOf, fail, WELL, warn } from './check.ts';
import type { Facts } from './gather.ts';
import { DAY, GIGABYTE, list, ours, t, type } from './words.ts';

const check = checksOf('host');

/** Bytes a day that the database grew, by its size in the backups of the last weeks; 0 when nothing tells. */
export function growthOf({ postgres, stack, ours: own, at }: Basis & Pick<Facts, 'postgres' | 'ours'>): number {
  if (!postgres.known || !stack.known || !own.known || !at.known) return 0;
  const oldest = own.value.sizes.filter((s) => at.value.now - s.at < 30 * DAY).at(-1);
  const now = postgres.value.databases.find((d) => d.name === loginOf(stack.value).name)?.bytes;
  if (oldest === undefined || now === undefined) return 0;
  const days = (at.value.now - oldest.at) / DAY;
  return days < 1 ? 0 : Math.max(0, (now - oldest.bytes) / days);
}

export const hostChecks: readonly Check[] = [
  check({
    id: 'host.disk',
    title: t('the disk has room', '磁盘空间充足'),
    meaning: t(
      'PostgreSQL stops when it can’t write its log, and nothing can be backed up, built or updated.',
      '无法写入 WAL 时 PostgreSQL 会停止, 备份、构建和更新也无法进行.',
    ),
    ask: ['host'],
    also: ['postgres', 'ours'],
    explains: ['postgres.answers', 'redis.persistence'],
    judge({ host }, facts) {
      const daily = growthOf(facts);
      return host.disks.flatMap((d) => {
        const share = d.free / d.size;
        const days = daily > 0 ? Math.floor(d.free / daily) : undefined;
        if (share > 0.15 && (days === undefined || days > 14)) return [];
        const fills = host.fills.slice(0, 3);
        const [en, zh] = (['en', 'zh'] as const).map((l) =>
          fills.map((f) => `${f.what[l]} ${humanBytes(f.bytes)}`).join(', '),
        );
        const until =
          days === undefined
            ? same('')
            : t(`; full in ${days} days at the database’s growth`, `; 按数据库增长速度 ${days} 天后写满`);
        const seen = t(
          `${d.path}: ${humanBytes(d.free)} of ${humanBytes(d.size)} free${until.en}${en ? `; most is ${en}` : ''}`,
          `${d.path}: 剩余 ${humanBytes(d.free)}/${humanBytes(d.size)}${until.zh}${zh ? `; 主要占用: ${zh}` : ''}`,
        );
        const mend = [
          type('docker', 'builder', 'prune'),
          ours('backup-prod.ts prune --keep 3 --plan'),
          type('du', '-xhd1', d.path),
        ];
        return (share < 0.05 || d.free < GIGABYTE ? fail : warn)(seen, ...mend);
      });
    },
  }),
  check({
    id: 'host.inodes',
    title: t('the file system can take more files', 'inode 充足'),
    meaning: t('Space is left, and no file can be made.', '空间还有剩余, 但无法创建新文件.'),
    ask: ['host'],
    judge: ({ host }) =>
      host.disks
        .filter((d) => d.inodes > 0 && d.freeInodes / d.inodes < 0.1)
        .map((d) =>
          (d.freeInodes / d.inodes < 0.02 ? fail : warn)(
            t(
              `${d.path}: ${d.freeInodes} of ${d.inodes} inodes free`,
              `${d.path}: 剩余 inode ${d.freeInodes}/${d.inodes}`,
            ),
            type('df', '-i'),
          ),
        ),
  }),
  check({
    id: 'host.memory',
    title: t('the machine has memory left', '内存充足'),
    meaning: t(
      'The kernel kills what uses most: PostgreSQL or a worker.',
      '内核会终止占用最多的进程: 通常是 PostgreSQL 或 worker.',
    ),
    ask: ['host'],
    judge({ host: { memory } }) {
      const share = memory.available / memory.total;
      return share > 0.08
        ? WELL
        : (share < 0.03 ? fail : warn)(
            t(
              `${humanBytes(memory.available)} of ${humanBytes(memory.total)} available`,
              `可用 ${humanBytes(memory.available)}/${humanBytes(memory.total)}`,
            ),
            type('docker', 'stats', '--no-stream'),
            type('ps', 'aux', '--sort=-rss'),
          );
    },
  }),
  check({
    id: 'host.load',
    title: t('the processors keep up', 'CPU 负载正常'),
    meaning: t(
      'Everything answers late; health checks may fail for that alone.',
      '所有应答都变慢, 健康检查可能仅因此失败.',
    ),
    ask: ['host'],
    judge: ({ host: { load, cpus } }) =>
      load > cpus * 4
        ? warn(
            t(
              `load ${load.toFixed(1)} on ${cpus} processors (5 min)`,
              `负载 ${load.toFixed(1)}, ${cpus} 个 CPU (5 分钟)`,
            ),
            type('docker', 'stats', '--no-stream'),
            type('top', '-bn1'),
          )
        : WELL,
  }),
  check({
    id: 'host.clock',
    title: t('the clock is synchronised', '时钟已同步'),
    meaning: t('Sessions, tokens, certificates and logs are judged by it.', '会话、令牌、证书和日志都依赖时钟.'),
    ask: ['host'],
    judge: ({ host: { clockSynchronised } }) =>
      clockSynchronised === false
        ? warn(
            t('timedatectl says it is not synchronised', 'timedatectl 显示未同步'),
            type('timedatectl', 'set-ntp', 'true'),
          )
        : WELL,
  }),
  check({
    id: 'host.exposed',
    title: t('PostgreSQL and Redis can’t be reached from other machines', '其他机器无法访问 PostgreSQL 与 Redis 端口'),
    meaning: t(
      'Their ports are published on every address. Docker’s own rules let them through before ufw is asked; whoever is on the network may try passwords.',
      '端口发布在所有地址上. Docker 的规则先于 ufw 生效, 网络中的任何人都可以尝试密码.',
    ),
    ask: ['exposed', 'at'],
    judge: ({ exposed, at }) =>
      exposed.length === 0
        ? WELL
        : warn(
            same(list(exposed.map((p) => `${p.hostIp}:${p.published}`))),
            t(
              `In ${at.target.composeFile}: "127.0.0.1:${exposed[0]?.published}:${exposed[0]?.target}"; the application does not need the port.`,
              `在 ${at.target.composeFile} 中写成 "127.0.0.1:${exposed[0]?.published}:${exposed[0]?.target}"; 应用本身不需要该端口.`,
            ),
          ),
  }),
  check({
    id: 'host.owner',
    title: t('the deploy directory belongs to whoever deploys', '部署目录归部署用户所有'),
    meaning: t(
      'Another user’s run can’t write its state, or git refuses the repository; when others may write there, they decide what is deployed.',
      '其他用户运行时无法写入状态, git 也会拒绝该仓库; 若他人可写, 则可控制部署内容.',
    ),
    ask: ['host', 'at'],
    judge({ host: { owner }, at }) {
      if (owner.openToOthers)
        return warn(
          t('every user of this machine may write to it', '本机任何用户都可写入'),
          type('chmod', 'o-w', at.target.dir),
        );
      return owner.mine
        ? WELL
        : warn(t(`it belongs to uid ${owner.uid}`, `属主 uid 为 ${owner.uid}`), type('ls', '-ld', at.target.dir));
    },
  }),
  check({
    id: 'host.logs',
    title: t('no container’s log grows without a limit', '容器日志没有无限增长'),
    meaning: t(
      'The engine keeps all that a container writes, unless it is told a limit. In months that fills a disk.',
      '未设置上限时引擎会保留容器的全部输出, 数月后会写满磁盘.',
    ),
    ask: ['host'],
    judge: ({ host: { logs } }) =>
      logs
        .filter((l) => (l.bytes ?? 0) > GIGABYTE)
        .map((l) =>
          warn(
            t(`${l.name}: ${humanBytes(l.bytes ?? 0)}, no limit`, `${l.name}: ${humanBytes(l.bytes ?? 0)}, 无上限`),
            t(
              'In the compose file, for each service: logging: { options: { max-size: 50m, max-file: "3" } }',
              '在 compose 文件的各服务中: logging: { options: { max-size: 50m, max-file: "3" } }',
            ),
          ),
        ),
  }),
];
