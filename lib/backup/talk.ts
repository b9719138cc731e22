import type { BackupProgress } from '../postgres/backup-progress.ts';
import { filesOf, type Manifest } from '../postgres/manifest.ts';
import { humanBytes, type Text } from '../text.ts';

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

/** `12 min`, `5 h`, `3 d`: how long ago, in the largest unit that is at least two. */
export function age(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`;
}
