/** Files by path, each with an opaque content that can be written as JSON. */
export type Tree = Record<string, unknown>;

interface Packed {
  /** The single top directory. */
  readonly root: string;
  readonly files: Tree;
}

const MAGIC = 'MODEL-TAR ';

/** Bytes that have a tar's outer form: whole blocks, and two of zeros at the end. */
export function pack(root: string, files: Tree): Buffer {
  const body = Buffer.from(MAGIC + JSON.stringify({ root, files } satisfies Packed));
  const blocks = Math.max(1, Math.ceil((body.length + 1) / 512));
  return Buffer.concat([body, Buffer.alloc(blocks * 512 - body.length), Buffer.alloc(1024)]);
}

/** `undefined` for what is cut off or no tar. */
export function unpack(bytes: Buffer): Packed | undefined {
  const text = bytes.toString('utf8').replace(/\0+$/, '');
  if (!text.startsWith(MAGIC)) return undefined;
  try {
    return JSON.parse(text.slice(MAGIC.length)) as Packed;
  } catch {
    return undefined;
  }
}

/** Names as `tar -t` prints them. */
export const namesIn = ({ root, files }: Packed): string[] => [
  `${root}/`,
  ...Object.keys(files).map((f) => `${root}/${f}`),
];
