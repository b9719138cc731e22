import path from 'node:path';
import { NOTHING_CHANGED, OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { asTyped } from '../../core/run.ts';
import type { Row } from '../../core/screen.ts';
import { humanBytes, printable, same, spanText, type Text } from '../../core/text.ts';
import { discardLeftovers } from '../../domain/backup/directory.ts';
import { listBackups, type Manifest } from '../../domain/backup/manifest.ts';
import { sizeOf, verificationText } from '../../domain/backup/messages.ts';
import { type Reason, type Retention, sortOut } from '../../domain/backup/retention.ts';
import { confirmDestructive } from '../../domain/data/consent.ts';
import { removeBackups } from '../../domain/data/remove-backups.ts';
import { readReleases } from '../../domain/ledger/releases.ts';

/** The same whatever goes, so that a nightly run can give it (`--confirm`); what goes is listed above it. */
const PHRASE = 'DELETE BACKUPS';

export interface PruneOptions {
  readonly planOnly: boolean;
  readonly retention: Retention;
  /** The phrase, from `--confirm`. */
  readonly confirm: string | undefined;
}

/** Removes backups that the retention gives up, after asking, and what killed runs left. */
export async function prune(ops: Ops, { planOnly, retention, confirm }: PruneOptions): Promise<Text> {
  if (retention.keep === undefined && retention.keepDays === undefined) throw noNumbers();
  const { stored, damaged, leftovers } = listBackups(ops.paths.backups);
  const releases = readReleases(ops.paths);
  const needed = new Set(releases.flatMap((r) => (r.backup === undefined ? [] : [path.basename(r.backup)])));
  const now = ops.clock.now();
  const { goes, stays } = sortOut(stored, retention, needed, now);

  ops.screen.show({ event: 'heading', text: { en: 'What stays', zh: '保留' } });
  ops.screen.show({
    event: 'list',
    id: 'stays',
    columns: [
      { en: 'backup', zh: '备份' },
      { en: 'age', zh: '距今' },
      { en: 'size', zh: '大小' },
      { en: 'because', zh: '原因' },
    ],
    rows: stays.map(({ stored: { manifest }, why }) => [
      same(printable(manifest.id)),
      spanText(now - Date.parse(manifest.createdAt)),
      same(humanBytes(sizeOf(manifest))),
      WHY[why],
    ]),
    items: stays.map(({ stored: { dir }, why }) => ({ dir, why })),
  });
  for (const { dir } of damaged) {
    const text: Text = {
      en: `${path.basename(dir)} has a damaged manifest and is left alone: nobody can say what it holds.`,
      zh: `${path.basename(dir)} 的 manifest 已损坏, 无法判断内容, 不予处理.`,
    };
    ops.screen.show({ event: 'warning', text, fix: same(asTyped(['rm', '-r', dir])) });
  }
  const losses = goes.map(({ stored: { manifest } }): Row => [same(printable(manifest.id)), lossText(manifest, now)]);
  if (planOnly) {
    if (losses.length > 0) ops.screen.show({ event: 'heading', text: { en: 'What goes', zh: '删除' } });
    if (losses.length > 0) ops.screen.show({ event: 'table', id: 'losses', rows: losses });
    return show(ops, goes.length, leftovers.length, 'planned');
  }
  if (goes.length === 0) {
    discardLeftovers(ops.paths.backups);
    return show(ops, 0, leftovers.length, 'done');
  }

  const bytes = goes.reduce((sum, { stored: s }) => sum + sizeOf(s.manifest), 0);
  const consent = await confirmDestructive(
    ops,
    {
      title: {
        en: `${goes.length} backups will be deleted, ${humanBytes(bytes)}:`,
        zh: `将删除 ${goes.length} 份备份, 共 ${humanBytes(bytes)}:`,
      },
      phrase: PHRASE,
      volumes: [],
      backups: goes.map((g) => g.stored),
      losses,
    },
    confirm,
  );
  discardLeftovers(ops.paths.backups);
  removeBackups(ops, goes, consent);
  return show(ops, goes.length, leftovers.length, 'done');
}

function show(ops: Ops, gone: number, leftovers: number, how: 'planned' | 'done'): Text {
  const text: Text =
    how === 'planned'
      ? {
          en: `Would be deleted: ${gone} backups, ${leftovers} leftovers of killed runs.`,
          zh: `将会删除: ${gone} 份备份, ${leftovers} 个被强制终止的运行遗留的目录.`,
        }
      : {
          en: `Deleted: ${gone} backups, ${leftovers} leftovers of killed runs.`,
          zh: `已删除: ${gone} 份备份, ${leftovers} 个被强制终止的运行遗留的目录.`,
        };
  ops.screen.show({ event: how === 'planned' ? 'info' : 'ok', text });
  return text;
}

const WHY: Record<Reason, Text> = {
  proved: { en: 'the newest that was restored and compared', zh: '最近一份已恢复并比对' },
  tagged: { en: 'tagged', zh: '有标签' },
  release: { en: 'a release needs it on its way back', zh: '版本回退需要' },
  newest: { en: 'one of the newest (--keep)', zh: '最近的备份 (--keep)' },
  young: { en: 'young (--keep-days)', zh: '未到期 (--keep-days)' },
};

const noNumbers = () =>
  new OpsError({
    kind: 'usage',
    what: { en: 'Say how many to keep, or for how long.', zh: '需要指定保留数量或天数.' },
    state: NOTHING_CHANGED,
    next: [{ en: 'For example --keep 7 --keep-days 14', zh: '例如 --keep 7 --keep-days 14' }],
  });

function lossText(manifest: Manifest, now: number): Text {
  const [size, age, level] = [
    humanBytes(sizeOf(manifest)),
    spanText(now - Date.parse(manifest.createdAt)),
    verificationText(manifest.verification),
  ];
  return { en: `${size}, ${age.en}, ${level.en}`, zh: `${size}, ${age.zh}前, ${level.zh}` };
}
