import type { Watched } from '../../core/notify.ts';
import { same, spanText } from '../../core/text.ts';
import { type Check, checksOf, fail, WELL, warn } from './check.ts';
import { DAY, HOUR, list, ours, t, type } from './words.ts';

const check = checksOf('ours');
const NAMES: Readonly<Record<Watched, string>> = { backup: '备份', drill: '演练' };

const WAYS = { resume: ours('runs.ts resume'), undo: ours('runs.ts undo'), leave: ours('runs.ts leave') } as const;

export const ourChecks: readonly Check[] = [
  check({
    id: 'backup.age',
    title: t('there is a backup of the last two days', '最近两天内有备份'),
    meaning: t('Whatever happens to the data now, so much is lost.', '一旦数据出事, 将丢失这段时间的全部数据.'),
    ask: ['ours', 'at'],
    explains: ['backup.level'],
    judge({ ours: { newest, failedBackups }, at }) {
      const create = ours('backup-prod.ts create');
      if (newest === undefined) return warn(t('there is none', '没有任何备份'), create);
      const age = at.now - newest.at;
      // Every later one is dated after it, so that its age says nothing for as long.
      if (age < -HOUR)
        return warn(
          t(
            `${newest.name} is dated ${spanText(-age).en} from now: the clock was ahead; whether there is a backup of the last days is not known`,
            `${newest.name} 的日期在 ${spanText(-age).zh}之后: 当时时钟超前; 无法判断最近是否有备份`,
          ),
          ours('backup-prod.ts list'),
        );
      const failures =
        failedBackups > 0
          ? t(`; ${failedBackups} attempts failed since`, `; 此后 ${failedBackups} 次尝试失败`)
          : same('');
      const text = spanText(age);
      const seen = t(`the newest is ${text.en} old${failures.en}`, `最新备份为 ${text.zh}前${failures.zh}`);
      if (age > 7 * DAY) return fail(seen, create, ours('runs.ts list'));
      return age > 2 * DAY || failedBackups > 0 ? warn(seen, create, ours('runs.ts list')) : WELL;
    },
  }),
  check({
    id: 'backup.level',
    title: t('a backup of the last week was really restored', '最近一周内有备份经过实际恢复验证'),
    meaning: t('A backup that nobody restored is a hope.', '没有实际恢复过的备份靠不住.'),
    ask: ['ours', 'at'],
    judge({ ours: { newest, restored, damaged }, at }) {
      const verify = ours('backup-prod.ts verify latest --level restored');
      const bad =
        damaged.length > 0
          ? [fail(t(`damaged: ${list(damaged)}`, `已损坏: ${list(damaged)}`), ours('backup-prod.ts list'))]
          : [];
      if (newest === undefined) return bad;
      if (newest.failed)
        return [
          ...bad,
          fail(
            t(`the newest failed its verification: ${newest.name}`, `最新备份验证失败: ${newest.name}`),
            ours('backup-prod.ts create'),
          ),
        ];
      if (restored === undefined) return [...bad, warn(t('none was restored yet', '尚无备份做过恢复验证'), verify)];
      const age = at.now - restored.at;
      return age > 7 * DAY
        ? [
            ...bad,
            warn(
              t(`the last that was is ${spanText(age).en} old`, `最近一次经验证的备份为 ${spanText(age).zh}前`),
              verify,
            ),
          ]
        : bad;
    },
  }),
  check({
    id: 'backup.elsewhere',
    title: t('a backup was taken off this machine', '备份已复制到其他机器'),
    meaning: t('What takes the disk takes the backups on it.', '磁盘损坏时, 其上的备份也会一起丢失.'),
    ask: ['ours'],
    judge: ({ ours: { newest, exported } }) =>
      newest === undefined || exported
        ? WELL
        : warn(t('none was exported yet', '尚未导出过备份'), ours('backup-prod.ts export --help')),
  }),
  check({
    id: 'drill.age',
    title: t('a drill of the last three months recovered', '最近三个月内有成功的灾备演练'),
    meaning: t(
      'Nobody knows how long recovery takes, or whether it works with this release.',
      '无法确定恢复需要多久, 也无法确定当前版本能否恢复.',
    ),
    ask: ['ours', 'at'],
    judge({ ours: { drill }, at }) {
      const again = ours('rehearse.ts');
      if (drill === undefined) return warn(t('none yet', '尚未演练'), again);
      const age = at.now - Date.parse(drill.at);
      if (drill.outcome === 'failed')
        return warn(
          t(`the last one failed (${drill.failed?.step ?? '?'})`, `最近一次失败 (${drill.failed?.step ?? '?'})`),
          again,
        );
      return age > 92 * DAY ? warn(t(`${spanText(age).en} ago`, `${spanText(age).zh}前`), again) : WELL;
    },
  }),
  check({
    id: 'alerts.configured',
    title: t('somebody is told when a run fails', '运行失败时会通知到人'),
    meaning: t(
      'A nightly backup that fails is noticed on the day when it is needed.',
      '夜间备份失败要等到需要它的那天才会被发现.',
    ),
    ask: ['ours'],
    judge: ({ ours: { alerts } }) =>
      alerts.configured
        ? WELL
        : warn(
            t('notify has no channel in the target configuration', '目标配置的 notify 中没有通道'),
            t('docs/alerts.md has one to copy', '示例见 docs/alerts.zh-CN.md'),
          ),
  }),
  check({
    id: 'alerts.delivery',
    title: t('all who are to be told can be reached', '所有通知对象均可送达'),
    meaning: t(
      'Who is to be told hears nothing, which looks as if all were well.',
      '该收到通知的人什么也收不到, 看上去就像一切正常.',
    ),
    ask: ['ours'],
    judge: ({ ours: { alerts } }) =>
      alerts.unreached.map(({ to, why }) =>
        warn(
          t(`${to}: ${why.en}`, `${to}: ${why.zh}`),
          ours(to.startsWith('ping.') ? 'notify.ts list' : `notify.ts test ${to}`),
        ),
      ),
  }),
  check({
    id: 'alerts.overdue',
    title: t('what has to succeed again and again did so in time', '需定期成功的任务均按时完成'),
    meaning: t(
      'It failed, or nobody starts it any more: a cron line that is gone says nothing.',
      '任务失败, 或已不再启动: 被删掉的 cron 任务不会有任何提示.',
    ),
    ask: ['ours', 'at'],
    judge: ({ ours: { watched }, at }) =>
      watched.flatMap(({ what, hours, success }) => {
        const age = success === undefined ? undefined : at.now - success;
        if (age !== undefined && age <= hours * HOUR) return [];
        const last =
          age === undefined
            ? t('never succeeded yet', '尚未成功过')
            : t(
                `succeeded ${spanText(age).en} ago, due every ${hours} h`,
                `上次成功在 ${spanText(age).zh}前, 应每 ${hours} 小时一次`,
              );
        const again = what === 'backup' ? 'backup-prod.ts create' : 'rehearse.ts';
        return warn(
          t(`${what}: ${last.en}`, `${NAMES[what]}: ${last.zh}`),
          ours(again),
          ours('runs.ts list'),
          type('crontab', '-l'),
        );
      }),
  }),
  check({
    id: 'runs.unfinished',
    title: t('every run came to its end', '没有未完成的运行'),
    meaning: t(
      'A run was killed, or ended and needs a person: what it had begun to change may be half done.',
      '有运行被强制终止, 或需要人工处理: 其改动可能只完成了一半.',
    ),
    ask: ['ours'],
    judge({ ours: { unfinished } }) {
      if (unfinished === undefined) return WELL;
      const { name, ways } = unfinished;
      return fail(same(name), ours(`runs.ts show ${name}`), ...ways.map((way) => WAYS[way]));
    },
  }),
  check({
    id: 'hold.rules',
    title: t('no rule is left that holds requests', '没有遗留的请求暂存规则'),
    meaning: t(
      'A run that let requests wait was killed. The kernel ends its rules within 12 s, so nobody waits; what is left in the table does nothing, and hides what else is there.',
      '暂存请求的运行被强制终止. 内核会在 12 秒内使规则失效, 不会有请求被挡住; 残留的规则不起作用, 但会干扰排查.',
    ),
    ask: ['ours'],
    judge: ({ ours: { heldRules } }) =>
      heldRules
        ? warn(
            t('a killed run has left rules in the nat table', '被强制终止的运行在 nat 表中留下了规则'),
            ours('runs.ts show'),
            ours('backup-prod.ts create'),
          )
        : WELL,
  }),
  check({
    id: 'runs.leftovers',
    title: t('runs that were killed left nothing behind', '被强制终止的运行没有残留'),
    meaning: t(
      'Helper containers, or backups half written. The next backup removes them.',
      '存在辅助容器或未写完的备份, 下次备份时会清理.',
    ),
    ask: ['ours'],
    judge({ ours: { leftovers, remains } }) {
      const all = [...remains, ...leftovers];
      return all.length === 0 ? WELL : warn(same(list(all)), ours('backup-prod.ts create'));
    },
  }),
];
