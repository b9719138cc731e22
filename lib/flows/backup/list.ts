import path from 'node:path';
import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { humanBytes, printable, same, spanText, type Text } from '../../core/text.ts';
import { listBackups, type Manifest, type Stored } from '../../domain/backup/manifest.ts';
import { sizeOf, verificationText } from '../../domain/backup/messages.ts';

const COLUMNS: readonly Text[] = [
  { en: 'backup', zh: '备份' },
  { en: 'age', zh: '距今' },
  { en: 'size', zh: '大小' },
  { en: 'database', zh: '数据库' },
  { en: 'revision', zh: '结构版本' },
  { en: 'commit', zh: '提交' },
  { en: 'reason', zh: '原因' },
  { en: 'tag', zh: '标签' },
  { en: 'verified', zh: '验证' },
];

/** Shows every backup, newest first; damaged and unfinished ones as such. Looks at the manifests only. */
export function listAll(ops: Ops): Text {
  const { stored, damaged, leftovers } = listBackups(ops.paths.backups);
  const now = ops.clock.now();
  const rest = (dir: string, what: Text): Text[] => [
    same(printable(path.basename(dir))),
    ...Array.from({ length: COLUMNS.length - 2 }, () => same('-')),
    what,
  ];
  ops.screen.show({
    event: 'list',
    id: 'backups',
    columns: COLUMNS,
    rows: [
      ...stored.map((s) => row(s, now)),
      ...damaged.map(({ dir }) => rest(dir, { en: 'DAMAGED MANIFEST', zh: 'manifest 已损坏' })),
      ...leftovers.map((dir) => rest(dir, UNFINISHED)),
    ],
    items: [
      ...stored.map(({ dir, manifest }) => ({ state: 'complete', dir, bytes: sizeOf(manifest), ...facts(manifest) })),
      ...damaged.map(({ dir, error }) => ({ state: 'damaged', dir, error: whatHappened(error).en })),
      ...leftovers.map((dir) => ({ state: 'unfinished', dir })),
    ],
  });
  for (const { error } of damaged) ops.screen.show({ event: 'warning', text: whatHappened(error) });
  for (const { manifest } of stored) {
    const { failure } = manifest.verification;
    if (failure) ops.screen.show({ event: 'warning', text: same(printable(`${manifest.id}: ${failure.what}`)) });
  }
  const count = stored.length;
  if (count === 0 && damaged.length === 0) ops.screen.show({ event: 'info', text: NONE });
  return { en: `${count} backups, ${damaged.length} damaged`, zh: `${count} 份备份, ${damaged.length} 份损坏` };
}

function row({ manifest }: Stored, now: number): Text[] {
  const database = manifest.kind === 'database';
  return [
    same(printable(manifest.id)),
    spanText(now - Date.parse(manifest.createdAt)),
    same(humanBytes(sizeOf(manifest))),
    database
      ? same(printable(manifest.database.name))
      : { en: `volume ${manifest.volume.name}`, zh: `卷 ${manifest.volume.name}` },
    same(database ? (manifest.contents.alembic ?? '-') : '-'),
    same(manifest.commit?.slice(0, 10) ?? '-'),
    Object.hasOwn(REASONS, manifest.reason) ? (REASONS[manifest.reason] as Text) : same(printable(manifest.reason)),
    same(printable(manifest.tag ?? '-')),
    verified(manifest, now),
  ];
}

function verified({ verification }: Manifest, now: number): Text {
  const { level, at, failure } = verification;
  const { en, zh } = verificationText(verification);
  const ago = spanText(now - Date.parse(at));
  return level === 'none' && !failure ? { en, zh } : { en: `${en} ${ago.en} ago`, zh: `${zh}, ${ago.zh}前` };
}

function facts({ id, createdAt, reason, tag, commit, verification, ...rest }: Manifest) {
  const { database, revision } =
    rest.kind === 'database'
      ? { database: rest.database.name, revision: rest.contents.alembic }
      : { database: null, revision: null };
  return { id, kind: rest.kind, createdAt, database, revision, commit, reason, tag, verification };
}

/** Why a backup was taken, as this tool writes it. */
const REASONS: Readonly<Record<string, Text>> = {
  manual: { en: 'manual', zh: '手动' },
  rebuild: { en: 'rebuild', zh: '全量重建' },
  update: { en: 'update', zh: '热更新' },
  upgrade: { en: 'upgrade', zh: '升级 PostgreSQL' },
  archive: { en: 'archive', zh: '归档' },
};

const UNFINISHED: Text = {
  en: 'unfinished: being written now, or left by a killed run',
  zh: '未完成: 正在写入, 或由被强制终止的运行遗留',
};

const NONE: Text = {
  en: 'There is none. Take one: npx tsx scripts/backup-prod.ts create',
  zh: '没有备份. 创建命令: npx tsx scripts/backup-prod.ts create',
};
