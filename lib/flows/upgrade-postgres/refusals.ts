import type { OpsError } from '../../core/errors.ts';
import { refuse } from '../../core/refusal.ts';
import type { Target } from '../../core/target.ts';
import { given, printable, same, type Text } from '../../core/text.ts';
import type { Stack } from '../../domain/stack/stack.ts';
import type { Container } from '../../tools/docker/containers.ts';
import type { Facts, PostgresImage } from './facts.ts';

// Why an upgrade does not begin: `precondition` all of them.

export const noImage = (reference: string) =>
  refuse(
    { en: `The image ${printable(reference)} is not here.`, zh: `本机没有镜像 ${printable(reference)}.` },
    { en: `Fetch it: docker pull ${printable(reference)}`, zh: `请先拉取: docker pull ${printable(reference)}` },
  );

export const noPostgres = (reference: string) =>
  refuse({
    en: `${printable(reference)} does not say which PostgreSQL is in it: neither PG_MAJOR nor postgres --version.`,
    zh: `无法得知 ${printable(reference)} 中 PostgreSQL 的版本: PG_MAJOR 与 postgres --version 均无结果.`,
  });

export const notNewer = (reference: string, now: string, next: string) =>
  refuse(
    {
      en: `The data is PostgreSQL ${now}'s, and ${printable(reference)} is PostgreSQL ${next}: that is not a newer major version.`,
      zh: `数据属于 PostgreSQL ${now}, 而 ${printable(reference)} 为 PostgreSQL ${next}, 不是更新的大版本.`,
    },
    {
      en: 'Another image of the same major version comes with a rebuild: npx tsx scripts/deploy-prod-all.ts --data keep',
      zh: '同一大版本更换镜像请使用全量重建: npx tsx scripts/deploy-prod-all.ts --data keep',
    },
  );

/** Its data is known by its volume alone. */
export const notInVolume = (container: Container) =>
  refuse({
    en: `The data of ${printable(container.name)} is in no named volume: it could not be kept as the way back.`,
    zh: `${printable(container.name)} 的数据不在命名卷中, 无法保留作为退路.`,
  });

export const standbyOfKilledRun = (container: Container) =>
  refuse(
    {
      en: `PostgreSQL does not run, and its container was moved out of the way (${printable(container.name)}): a killed run left it like that. Its data is untouched.`,
      zh: `PostgreSQL 未运行, 其容器已被改名移开 (${printable(container.name)}): 由被强制终止的运行遗留. 数据未受影响.`,
    },
    {
      en: 'Put it back first: npx tsx scripts/upgrade-postgres.ts --back',
      zh: '请先将其换回: npx tsx scripts/upgrade-postgres.ts --back',
    },
  );

export const notHealthy = (said: Text) =>
  refuse(
    {
      en: `The application is not healthy, so nobody could tell whether it is well on the new server: ${said.en}`,
      zh: `应用当前不健康, 无法判断它在新版本上是否正常: ${said.zh}`,
    },
    { en: 'What is wrong: npx tsx scripts/doctor.ts', zh: '查找原因: npx tsx scripts/doctor.ts' },
  );

/** The new server takes the password of `.env`; the application's container, which stays, has the one that it was made with. */
export const otherPassword = () =>
  refuse(
    {
      en: 'The database does not take the POSTGRES_PASSWORD of .env, which the new server would have: the application could not log in there.',
      zh: '当前数据库不接受 .env 中的 POSTGRES_PASSWORD, 而新的 PostgreSQL 将使用该密码: 届时应用无法登录.',
    },
    {
      en: 'Put the present password back into .env. It is changed by a rebuild, before the compose file names the new version or after the upgrade: npx tsx scripts/deploy-prod-all.ts --data keep',
      zh: '请在 .env 中改回现用密码. 更改密码请用全量重建, 在 compose 文件改为新版本之前或升级之后进行: npx tsx scripts/deploy-prod-all.ts --data keep',
    },
  );

export const holdsOthers = (names: readonly string[], database: string) =>
  refuse(
    {
      en: `The cluster has other databases that hold something (${printable(names.join(', '))}). Only ${printable(database)} would come along.`,
      zh: `该集群中还有其他含数据的数据库 (${printable(names.join(', '))}), 而升级只迁移 ${printable(database)}.`,
    },
    {
      en: 'Give them a server of their own, or drop what nobody needs; then run this again.',
      zh: '请将它们迁移到单独的 PostgreSQL 实例, 或删除不再需要的库, 再重新运行.',
    },
  );

export const inTheMiddle = (gids: readonly string[]) =>
  refuse(
    {
      en: `There are prepared transactions (${printable(gids.join(', '))}): no dump has what is in them.`,
      zh: `存在预备事务 (两阶段提交) (${printable(gids.join(', '))}): 导出不包含其中的内容.`,
    },
    same('COMMIT PREPARED / ROLLBACK PREPARED'),
  );

/** Who else is in the database; the application alone is stopped. */
export const othersInside = (who: readonly string[]) =>
  refuse(
    {
      en: `Other clients than the application are connected to the database, and could write during the final dump: ${printable(who.join('; '))}`,
      zh: `除应用之外还有其他连接, 在最后一次导出期间可能写入: ${printable(who.join('; '))}`,
    },
    {
      en: 'End them (a forgotten psql, a worker beside the application), then run this again.',
      zh: '请先断开这些连接 (未退出的 psql, 应用之外的 worker), 再重新运行.',
    },
  );

/** What the image lacks or does not know, found in its own server. */
export function notThere(to: PostgresImage, extensions: readonly string[], settings: readonly string[]): OpsError {
  const list = [...extensions, ...settings].map(printable).join(', ');
  return refuse(
    {
      en: `${printable(to.reference)} does not have what the database uses: ${list}`,
      zh: `${printable(to.reference)} 缺少当前数据库使用的内容: ${list}`,
    },
    ...given(extensions.length > 0, () => ({
      en: `Extensions (${printable(extensions.join(', '))}): use an image that has them, or DROP EXTENSION what nobody needs.`,
      zh: `扩展 (${printable(extensions.join(', '))}): 请使用包含它们的镜像, 或 DROP EXTENSION 删除不再需要的扩展.`,
    })),
    ...settings.map((name) => ({
      en: `PostgreSQL ${to.major} has no parameter ${printable(name)}: take it out of postgresql.conf, ALTER SYSTEM RESET ${printable(name)}, or out of the compose file's command.`,
      zh: `PostgreSQL ${to.major} 没有参数 ${printable(name)}: 请从 postgresql.conf 中移除, 执行 ALTER SYSTEM RESET ${printable(name)}, 或从 compose 文件的 command 中移除.`,
    })),
  );
}

/** What the compose file, which is the operator's own, has to say before it: so that whoever types `docker compose up` gets the same. */
export function composeLines(stack: Stack, to: PostgresImage, present: string): string[] {
  const { key } = stack.services.postgres;
  const volume = newKey(stack, to.major, present);
  return [
    'services:',
    `  ${key}:`,
    `    image: ${to.reference}`,
    '    volumes:',
    `      - ${volume}:${to.mountPoint}`,
    'volumes:',
    `  ${volume}:`,
  ].map(printable);
}

/** `whalefall_postgres_data` → `whalefall_postgres_data_18` */
function newKey(stack: Stack, major: string, present: string): string {
  const key = stack.volumes.find((v) => v.name === present)?.key ?? 'postgres_data';
  return `${key.replace(/_\d+$/, '')}_${major}`;
}

export function noRoom({ composeFile }: Target, { stack, to, database, room }: Facts): OpsError {
  const what: Text =
    'missing' in room && room.missing === 'image'
      ? {
          en: `${composeFile} names another image for PostgreSQL (${printable(stack.services.postgres.image)}).`,
          zh: `${composeFile} 中 PostgreSQL 使用的是另一个镜像 (${printable(stack.services.postgres.image)}).`,
        }
      : {
          en: `${composeFile} gives the new server no volume of its own: what is there stays untouched in ${printable(database.volume.name)}.`,
          zh: `${composeFile} 没有为新的 PostgreSQL 指定独立的卷: 现有数据将原样保留在 ${printable(database.volume.name)} 中.`,
        };
  return refuse(
    what,
    {
      en: `The compose file is yours, so that 'docker compose up' by hand and a later rebuild find the same. Bring it there (commit, git pull; start nothing), the rest as it is:`,
      zh: 'compose 文件需由人工修改 (脚本不会改它); 改好后, 手工执行 docker compose up 与后续重建都会得到相同的结果. 请按以下内容修改 (提交并 git pull, 不要启动任何服务), 其余保持不变:',
    },
    ...composeLines(stack, to, database.volume.name).map(same),
    { en: 'Then run this again.', zh: '然后重新运行本命令.' },
  );
}

/** Somebody else's, or of another version. */
export const volumeTaken = (volume: string, major: string, to: string) =>
  refuse(
    {
      en: `Volume ${printable(volume)} already holds a cluster of PostgreSQL ${printable(major)}, which ${to} does not start on.`,
      zh: `卷 ${printable(volume)} 中已有 PostgreSQL ${printable(major)} 的集群, PostgreSQL ${to} 无法在其上启动.`,
    },
    { en: 'Name another volume in the compose file.', zh: '请在 compose 文件中使用另一个卷.' },
  );
