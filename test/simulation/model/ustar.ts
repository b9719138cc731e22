/** A file in a real tar. */
export interface Entry {
  readonly name: string;
  readonly mode: '100644' | '100755' | '120000';
  readonly data: string;
}

const BLOCK = 512;

/** As `git archive` writes it: the commit in a comment of the whole, then the files. */
export function tarOf(commit: string, entries: readonly Entry[], seconds: number): Buffer {
  const comment = `52 comment=${commit}\n`;
  const blocks = [header('pax_global_header', 'g', 0o666, comment.length, seconds), padded(Buffer.from(comment))];
  for (const { name, mode, data } of entries) {
    const bytes = mode === '120000' ? Buffer.alloc(0) : Buffer.from(data);
    const bits = mode === '100755' ? 0o755 : mode === '120000' ? 0o777 : 0o644;
    const type = mode === '120000' ? '2' : '0';
    blocks.push(header(name, type, bits, bytes.length, seconds, mode === '120000' ? data : ''), padded(bytes));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, type: string, mode: number, size: number, seconds: number, target = ''): Buffer {
  if (name.length > 99) throw new Error(`not modelled: a long name in a tar: ${name}`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
  block.write(name, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(seconds, 136, 12);
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  block.write(target, 157);
  block.write('ustar\x0000', 257);
  octal(
    block.reduce((a, b) => a + b, 0),
    148,
    7,
  );
  return block;
}

const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);

/** The files up to where it is cut off, and whether it is whole. */
export function untar(bytes: Buffer): { readonly entries: readonly Entry[]; readonly whole: boolean } {
  const entries: Entry[] = [];
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const block = bytes.subarray(at, at + BLOCK);
    const text = (from: number, length: number) =>
      block
        .subarray(from, from + length)
        .toString('utf8')
        .replace(/\0.*$/s, '');
    const name = text(0, 100);
    if (name === '') return { entries, whole: true };
    const size = Number.parseInt(text(124, 12), 8);
    const data = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (data.length < size) break;
    const type = text(156, 1);
    const mode = Number.parseInt(text(100, 8), 8) & 0o100 ? '100755' : '100644';
    if (type === '2') entries.push({ name, mode: '120000', data: text(157, 100) });
    else if (type === '0') entries.push({ name, mode, data: data.toString('utf8') });
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return { entries, whole: false };
}
