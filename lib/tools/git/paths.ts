import type { OpsError } from '../../core/errors.ts';
import { refuse } from '../../core/refusal.ts';
import { printable } from '../../core/text.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A path that git printed, one character per byte; `undefined` when its bytes are no UTF-8. */
export function decodePath(bytes: string): string | undefined {
  try {
    return strict.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return undefined;
  }
}

/** For people: every byte that isn't printable ASCII as `\xNN`. */
export const escapedBytes = (bytes: string): string =>
  bytes.replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** A path as git reads it where a line is a path: in quotes, so that line ends, quotes and dashes are nothing special. */
export const quotedPath = (path: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be quoted
  `"${path.replace(/["\\\x00-\x1f\x7f]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`)}"`;

/** At most `most` paths of foreign names in one line. */
export function listed(paths: readonly string[], most = 20): string {
  const shown = paths.slice(0, most).map((p) => printable(p).replaceAll('\n', '\\n'));
  return paths.length > most ? `${shown.join(', ')}, … (${paths.length})` : shown.join(', ');
}

/** @param paths one character per byte. */
export const notUtf8 = (paths: readonly string[]): OpsError =>
  refuse(
    {
      en: `File names that are not UTF-8 can't be handled: ${listed(paths.map(escapedBytes))}`,
      zh: `无法处理非 UTF-8 编码的文件名: ${listed(paths.map(escapedBytes))}`,
    },
    { en: 'Rename them in the repository.', zh: '请在仓库中重命名这些文件.' },
  );
