import type { Reason } from '../../core/refusal.ts';
import type { Target } from '../../core/target.ts';
import { given, printable, same, type Text } from '../../core/text.ts';
import { placeText, samePlace } from '../../tools/docker/places.ts';
import type { Facts } from '../stack/deployment.ts';
import type { Home } from '../stack/homes.ts';

type About = Pick<Facts, 'stack' | 'volumes' | 'database' | 'data' | 'detached'>;

/** Why the data that is there would not be the data that containers serve which are made as the compose file says now. Pure. */
export function misplacedData(target: Target, facts: About): Reason[] {
  return [
    ...facts.data.homes.flatMap((home) => moved(target, facts, home)),
    ...notKept(target, facts),
    ...otherMajor(target, facts),
    ...elsewhereInVolume(target, facts),
    ...detached(target, facts),
  ];
}

const NAMES: Readonly<Record<Home['role'], Text>> = {
  postgres: { en: 'The data of PostgreSQL', zh: 'PostgreSQL 的数据' },
  redis: { en: 'The data of Redis', zh: 'Redis 的数据' },
  app: same('userdata'),
};

/** Why one of them would be looked for elsewhere than it is. Pure. */
export function moved(
  { composeFile }: Target,
  { volumes }: Pick<About, 'volumes'>,
  { role, directory, now, next }: Home,
): Reason[] {
  if (samePlace(now, next)) return [];
  if (role === 'app' && now.kind === 'own') {
    // It is put into what is mounted there next; but not over the files of somebody else.
    const users = volumes.find((v) => v.name === next.source)?.usedByOthers ?? [];
    if (users.length === 0) return [];
  }
  const [what, is, then] = [NAMES[role], placeText(now), placeText(next)];
  const mounted =
    now.kind === 'own'
      ? ''
      : `${now.source}:${directory.slice(0, directory.length - now.path.length).replace(/(.)\/$/, '$1')}`;
  return [
    {
      text: {
        en: `${what.en} (${printable(directory)}) is in ${is.en}; the next container would look in ${then.en}.`,
        zh: `${what.zh} (${printable(directory)}) 位于${is.zh}, 而新容器会使用${then.zh}.`,
      },
      fix: mounted
        ? {
            en: `In ${composeFile} leave it where it is: ${printable(mounted)}, the same image, PGDATA, command and working directory about it (compare: git diff). To move it, stop the service and move the files by hand; then run this again.`,
            zh: `请在 ${composeFile} 中保持原位置: ${printable(mounted)}, 与其相关的镜像, PGDATA, command 与工作目录不变 (可用 git diff 对照). 如需迁移, 请先停止该服务并手工移动文件, 再重新运行.`,
          }
        : {
            en: `It goes with its container. Copy it to where the next one looks, by hand: docker cp; then run this again.`,
            zh: `该数据会随容器一起删除. 请用 docker cp 手工复制到新位置, 再重新运行.`,
          },
    },
  ];
}

/** Under the mount an image may have a volume of its own, which hides it. */
function notKept({ composeFile }: Target, { data }: About): Reason[] {
  const { nextData } = data;
  if (nextData === undefined || nextData.kind === 'volume') return [];
  const place = placeText(nextData);
  return [
    {
      text: {
        en: `PostgreSQL would keep its data in ${place.en}, which is no named volume.`,
        zh: `PostgreSQL 会把数据存放在${place.zh}, 而不是命名卷.`,
      },
      fix: {
        en: `In ${composeFile} mount a named volume exactly where the image keeps its data: ${printable(nextData.path)}`,
        zh: `请在 ${composeFile} 中把命名卷挂载到镜像存放数据的目录: ${printable(nextData.path)}`,
      },
    },
  ];
}

function otherMajor({ composeFile }: Target, { database, data, stack }: About): Reason[] {
  const found = database.kind === 'stopped' ? (database.found ?? []).find((f) => f.of === 'postgres') : undefined;
  const now = database.kind === 'running' ? database.identity.major : (found?.major ?? '');
  const { image } = stack.services.postgres;
  if (now === '' || data.nextMajor === '' || now === data.nextMajor) return [];
  const next = printable(data.nextMajor);
  return [
    {
      text: {
        en: `The data is PostgreSQL ${printable(now)}'s, and ${image} is PostgreSQL ${next}: it does not start on it.`,
        zh: `数据属于 PostgreSQL ${printable(now)}, 而 ${image} 为 PostgreSQL ${next}, 无法在该数据上启动.`,
      },
      fix: {
        en: `To stay: in ${composeFile} name an image of PostgreSQL ${printable(now)}. To go on to ${next}, with a way back: npx tsx scripts/upgrade-postgres.ts --to ${printable(image)} --trial   (only tries, and says what to do)`,
        zh: `若保持现版本: 请在 ${composeFile} 中使用 PostgreSQL ${printable(now)} 的镜像. 若要升级到 ${next} (保留退路): npx tsx scripts/upgrade-postgres.ts --to ${printable(image)} --trial   (仅试运行, 并提示后续步骤)`,
      },
    },
  ];
}

/** Without a container to compare with, the volume itself was looked at. */
function elsewhereInVolume({ composeFile }: Target, { database, data }: About): Reason[] {
  const { nextData } = data;
  if (database.kind !== 'stopped' || nextData?.kind !== 'volume' || data.homes.some((h) => h.role === 'postgres'))
    return [];
  const found = (database.found ?? []).filter((f) => f.of === 'postgres' && f.volume === nextData.source);
  if (found.length === 0 || found.some((f) => f.path === nextData.path)) return [];
  const [is, then] = [{ ...nextData, path: found[0]?.path ?? '' }, nextData].map(placeText) as [Text, Text];
  return [
    {
      text: {
        en: `A PostgreSQL data directory is in ${is.en}; the next container would look in ${then.en}, and begin an empty database there.`,
        zh: `PostgreSQL 数据目录位于${is.zh}, 而新容器会使用${then.zh}, 并在那里新建空数据库.`,
      },
      fix: {
        en: `Correct PGDATA or the mount point in ${composeFile}, or move the files by hand; then run this again.`,
        zh: `请修正 ${composeFile} 中的 PGDATA 或挂载点, 或手工移动文件, 再重新运行.`,
      },
    },
  ];
}

function detached({ composeFile }: Target, { detached, stack }: About): Reason[] {
  return (detached ?? []).map(({ of, volume, path, systemIdentifier, major }): Reason => {
    const key = stack.volumes.find((v) => v.role === of && v.holdsData)?.key ?? '?';
    const place = placeText({ kind: 'volume', source: volume, path });
    const which =
      of === 'redis'
        ? ''
        : ` (PostgreSQL ${printable(major)}, system identifier ${printable(systemIdentifier || '?')})`;
    const what = of === 'redis' ? { en: 'Data of Redis', zh: 'Redis 数据' } : { en: 'A database', zh: '数据库' };
    return {
      text: {
        en: `${what.en} is in ${place.en}${which}, and no service mounts that volume: an empty one would be made beside it.`,
        zh: `${place.zh}中有${what.zh}${which}, 但没有服务挂载该卷: 继续部署会另建一份空数据.`,
      },
      fix: {
        en: `If it is production's: in ${composeFile} give the volume ${key} the line "name: ${printable(volume)}" (or its former key). If nobody needs it any more, remove it yourself after a look: docker volume rm ${printable(volume)}`,
        zh: `若是生产数据: 请在 ${composeFile} 的卷 ${key} 下写 "name: ${printable(volume)}" (或改回原来的键名). 若确认不再需要, 请检查后自行删除: docker volume rm ${printable(volume)}`,
      },
    };
  });
}

/** What can't be read can't be proved to be kept; deleting it on purpose archives its files first. */
export function unreadable({ database }: Pick<About, 'database'>, data: DataChoice): Reason[] {
  return given(database.kind === 'unreadable' && data !== 'delete' && database, ({ why, fix }) => ({
    text: {
      en: `PostgreSQL runs, but the application's database can't be read: ${why.en}.`,
      zh: `PostgreSQL 正在运行, 但无法读取应用的数据库: ${why.zh}.`,
    },
    fix,
  }));
}

export type DataChoice = 'keep' | 'delete';
