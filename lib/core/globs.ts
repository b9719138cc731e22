/** Letters, digits and `* ? / . _ - +`; no brackets, braces or negation. */
export const GLOB = /^[\w*?/.+-]+$/;

/**
 * A path pattern, anchored at the deploy directory: `*` and `?` stay within a name, also one with a leading dot; `**` as a name of its
 * own stands for any number of directories, at the end for everything below.
 */
export function matchesGlob(glob: string, path: string): boolean {
  const source = glob
    .replace(/[.+]/g, '\\$&')
    .replaceAll('?', '[^/]')
    .replace(/(^|\/)\*\*\/|\/\*\*$|\*+/g, (stars, before: string | undefined) => {
      if (stars === '/**') return '/.+';
      return before === undefined ? '[^/]*' : `${before}(?:.+/)?`;
    });
  return new RegExp(`^${source}$`, 's').test(path);
}
