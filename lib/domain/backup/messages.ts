import { humanBytes, type Text } from '../../core/text.ts';
import { type DatabaseManifest, filesOf, type Manifest } from './manifest.ts';
import type { BackupProgress } from './progress.ts';

/** One line under 80 columns: what is going on, how much, how fast, how long still. */
export function progressText({ phase, bytes, expected, milliseconds }: BackupProgress): Text {
  const seconds = milliseconds / 1000;
  if (phase === 'contents') {
    return { en: '      counting and hashing every row of the snapshot', zh: '      正在统计并校验快照中的每一行' };
  }
  if (phase === 'trial') {
    const so = `${seconds.toFixed(0)} s`;
    return { en: `      restoring on trial and comparing, ${so}`, zh: `      正在试恢复并比对, 已用 ${so}` };
  }
  const rate = seconds > 0 ? bytes / seconds : 0;
  const [done, all, speed] = [bytes, expected, rate].map(humanBytes);
  const left = rate > 0 && expected > bytes ? Math.ceil((expected - bytes) / rate) : undefined;
  return {
    en: `      dumped ${done} of about ${all}, ${speed}/s${left === undefined ? '' : `, about ${left} s left`}`,
    zh: `      已导出 ${done}, 预计 ${all}, ${speed}/s${left === undefined ? '' : `, 约剩 ${left} s`}`,
  };
}

/** Bytes of all files of a backup. */
export const sizeOf = (manifest: Manifest): number => filesOf(manifest).reduce((sum, f) => sum + f.size, 0);

/** How much there is in a database that was backed up. */
export function contentsText({ contents: { tables } }: Pick<DatabaseManifest, 'contents'>): Text {
  const rows = tables.reduce((sum, t) => sum + t.rows, 0);
  return { en: `${tables.length} tables, ${rows} rows`, zh: `${tables.length} 张表, ${rows} 行` };
}

/** How far a backup is proved, or at which of the levels it failed; `verify --level` takes the English words. */
export function verificationText({ level, failure }: Manifest['verification']): Text {
  if (failure === undefined) return PROVED[level];
  const { en, zh } = TRIED[failure.level];
  return { en: `FAILED (${en})`, zh: `验证失败 (${zh})` };
}

const PROVED: Record<Manifest['verification']['level'], Text> = {
  none: { en: 'never', zh: '未验证' },
  checksum: { en: 'checksum', zh: '校验和一致' },
  readable: { en: 'readable', zh: '归档可读' },
  started: { en: 'started', zh: '可启动' },
  restored: { en: 'restored', zh: '已恢复比对' },
};

const TRIED: Record<Exclude<Manifest['verification']['level'], 'none'>, Text> = {
  checksum: { en: 'checksum', zh: '校验和' },
  readable: { en: 'readable', zh: '读取归档' },
  started: { en: 'started', zh: '启动' },
  restored: { en: 'restored', zh: '恢复比对' },
};
