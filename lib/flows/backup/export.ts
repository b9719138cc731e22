import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Encrypter } from 'age-encryption';
import { NOTHING_CHANGED, OpsError, whatHappened } from '../../core/errors.ts';
import type { Ops, Paths } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { humanBytes, printable, same, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { refuseWithoutRoom, whatTakesSpace } from '../../domain/backup/directory.ts';
import { findBackup } from '../../domain/backup/find.ts';
import { filesOf, MANIFEST } from '../../domain/backup/manifest.ts';
import { sizeOf } from '../../domain/backup/messages.ts';
import { checkFiles } from '../../domain/backup/verify.ts';
import { renameDurably } from '../../tools/files/durable.ts';

export interface ExportOptions {
  readonly planOnly: boolean;
  /** age recipients, `age1…`: public keys, separated by commas. */
  readonly recipients: string;
  /** The directory that gets `<backup>/`. */
  readonly to: string;
}

/**
 * Encrypts a backup for copying it elsewhere: each of its files, for `age -d` to read. What it was is known from the manifest, so after
 * decrypting it is verified and restored like any other.
 *
 * @throws {OpsError} `usage` for what is no recipient; `precondition` when the backup is damaged, or the copy exists or does not fit.
 */
export async function exportBackup(
  ops: Ops,
  wanted: string,
  { planOnly, recipients, to }: ExportOptions,
): Promise<Text> {
  const encrypter = await encrypterFor(recipients);
  const stored = findBackup(ops, wanted);
  const { dir, manifest } = stored;
  const final = path.join(to, manifest.id);
  if (existsSync(final)) throw isThere(final);
  ops.screen.show({ event: 'heading', text: { en: `Encrypt ${manifest.id}`, zh: `加密 ${manifest.id}` } });
  if (planOnly) return ONLY_PLANNED;
  await checkFiles(stored); // nothing damaged is carried away

  const ours = partialOf(ops.paths);
  const partial = `${final}${ours}`;
  // Under the lock no other export of this deploy directory is at work: what ours left that were killed.
  for (const name of existsSync(to) ? readdirSync(to).filter((n) => n.endsWith(ours)) : [])
    rmSync(path.join(to, name), { recursive: true, force: true });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  try {
    refuseWithoutRoom(to, sizeOf(manifest) * 1.01, { name: COPY, state: NOTHING_CHANGED });
    for (const name of [...filesOf(manifest).map((f) => f.name), MANIFEST]) {
      await encrypt(ops, encrypter, path.join(dir, name), path.join(partial, `${name}.age`));
    }
    renameDurably(partial, final);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? diskFull(to, error) : error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  const back = `cd ${manifest.id} && for f in *.age; do age -d -i KEY-FILE -o "\${f%.age}" "$f" && rm "$f"; done`;
  ops.screen.show({
    event: 'table',
    id: 'summary',
    rows: [
      [{ en: 'encrypted copy', zh: '加密副本' }, same(final)],
      [{ en: 'size', zh: '大小' }, same(humanBytes(sizeOf(manifest)))],
      [{ en: 'to decrypt', zh: '解密命令' }, same(back)],
    ],
  });
  ops.screen.show({ event: 'ok', text: { en: `Encrypted: ${final}`, zh: `加密完成: ${final}` } });
  return { en: `encrypted ${manifest.id} to ${final}`, zh: `已加密 ${manifest.id} 到 ${final}` };
}

/** How the names of this deploy directory's unfinished copies end: others may copy to the same place, and be at it. */
export function partialOf({ state }: Pick<Paths, 'state'>): string {
  const mark = createHash('sha256')
    .update(`${state} ${statSync(state).ino}`)
    .digest('hex')
    .slice(0, 16);
  return `.${mark}.partial`;
}

async function encrypterFor(recipients: string): Promise<Encrypter> {
  const { Encrypter } = await import('age-encryption'); // most commands don't need it
  const encrypter = new Encrypter();
  for (const recipient of recipients.split(',').map((r) => r.trim())) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw noRecipient(recipient, whatHappened(error).en);
    }
  }
  return encrypter;
}

/** Streamed: memory does not grow with the file. */
async function encrypt(ops: Ops, encrypter: Encrypter, from: string, to: string): Promise<void> {
  const plain = Readable.toWeb(createReadStream(from, { highWaterMark: 1 << 20 }));
  const encrypted = await encrypter.encrypt(plain as unknown as globalThis.ReadableStream<Uint8Array>);
  const file = createWriteStream(to, { flags: 'wx', mode: 0o600, flush: true });
  await pipeline(Readable.fromWeb(encrypted as unknown as ReadableStream), file, { signal: ops.signal }).catch(
    (error: unknown) => {
      ops.signal.throwIfAborted();
      throw error;
    },
  );
}

const COPY: Text = { en: 'an encrypted copy', zh: '写入加密副本' };

const diskFull = (to: string, cause: unknown) =>
  new OpsError({
    kind: 'failed',
    what: { en: `The disk of ${to} got full while the copy was written.`, zh: `写入副本时 ${to} 所在磁盘空间已满.` },
    state: { en: 'The incomplete copy was removed. The backup is as it was.', zh: '未完成的副本已删除, 备份未受影响.' },
    next: [whatTakesSpace(to)],
    cause,
  });

const noRecipient = (recipient: string, why: string) =>
  new OpsError({
    kind: 'usage',
    what: {
      en: `${printable(recipient)} is not an age recipient: ${printable(why)}`,
      zh: `${printable(recipient)} 不是 age 接收方公钥: ${printable(why)}`,
    },
    state: NOTHING_CHANGED,
    next: [
      {
        en: 'A recipient is a public key, age1…; age-keygen -o KEY-FILE makes one and says it.',
        zh: '接收方是公钥 age1…; 可用 age-keygen -o KEY-FILE 生成并显示.',
      },
    ],
  });

const isThere = (dir: string) =>
  refuse(
    { en: `${dir} already exists.`, zh: `${dir} 已存在.` },
    { en: 'Name another directory with --to.', zh: '请用 --to 指定其他目录.' },
  );
