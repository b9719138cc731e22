const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;

/** Columns on a terminal: Chinese characters and full-width punctuation take two. */
export const columns = (text: string): number => [...text].reduce((n, c) => n + (WIDE.test(c) ? 2 : 1), 0);

/** In lines of at most so many columns, broken at spaces and between Chinese characters; a word that is longer stays whole. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const [piece] of text.matchAll(/\s+|[^\s\u2e80-\uffe6]+|[\u2e80-\uffe6][,.:;!?)、。]?/gu)) {
    const blank = piece.trim() === '';
    if (line !== '' && !blank && columns(line + piece) > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    if (!blank || line !== '') line += blank ? ' ' : piece;
  }
  return line.trim() === '' ? lines : [...lines, line.trimEnd()];
}

/** Its beginning, in at most so many columns. */
export function clipped(text: string, width: number): string {
  let taken = 0;
  let kept = '';
  for (const c of text) {
    taken += columns(c);
    if (taken > width) break;
    kept += c;
  }
  return kept;
}
