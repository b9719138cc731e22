import { closeSync, constants, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { CommandError, change, read, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { isWithin, type Mount } from '../../tools/docker/places.ts';

/** More is data, and no configuration. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Copies of the files that compose mounts read-only, such as the certificate without which nginx does not start, secrets and configs. Copies:
 * nothing of the host's is in the container.
 */
export async function copyMounted(ops: Ops, mounts: readonly Mount[], id: string): Promise<void> {
  const { root, userdata } = ops.target.app;
  const wanted = mounts.filter(
    (m) => m.kind !== 'volume' && m.readOnly && m.target !== `${root}/.env` && !isWithin(m.target, userdata),
  );
  for (const mount of wanted) {
    const why = notCopied(mount) ?? (await copied(ops, mount, id));
    if (why) ops.screen.show({ event: 'warning', text: leftOut(mount.target, why) });
  }
}

function notCopied({ kind, source }: Mount): Text | undefined {
  if (kind === 'own') return NO_FILE;
  try {
    const bytes = sizeOf(source);
    return bytes === undefined ? NOT_THERE : bytes > MOST_BYTES ? TOO_LARGE : undefined;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return { en: `it can't be read (${code})`, zh: `无法读取 (${code})` };
  }
}

/**
 * As a tar, of which the engine makes the directories above that an image does not have, such as `/run/secrets`; `docker cp` of a file does not
 * (moby/moby#20920). It goes through a file that has no name any more: nobody else finds what it holds.
 *
 * @returns why it could not be.
 */
async function copied(ops: Ops, { source, target }: Mount, id: string): Promise<Text | undefined> {
  const isDirectory = statSync(source).isDirectory();
  const [from, name] = isDirectory ? [source, '.'] : [path.dirname(source), path.basename(source)];
  const to = path.posix.relative('/', target).replace(/[\\|&]/g, String.raw`\$&`);
  const rename = isDirectory ? `s|^\\.|${to}|` : `s|^.*$|${to}|`;
  const file = path.join(ops.paths.run, 'mounted.tar');
  const stdoutFd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  const stdinFd = openSync(file, 'r');
  rmSync(file);
  try {
    await run(ops, read(['tar', '-c', '-h', '-C', from, `--transform=${rename}`, '--', name], { stdoutFd }));
    await run(ops, change(['docker', 'cp', '-', `${id}:/`], { stdinFd }));
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError) || error.kind === 'interrupted') throw error;
    return { en: `it could not be copied (${error.what.en})`, zh: `复制失败 (${error.what.zh})` };
  } finally {
    closeSync(stdoutFd);
    closeSync(stdinFd);
  }
}

/** Bytes of a file, or of all below a directory; `undefined` for what is none of both, or not there. */
function sizeOf(place: string): number | undefined {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (stat?.isFile()) return stat.size;
  if (!stat?.isDirectory()) return undefined;
  let bytes = 0;
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(path.join(entry.parentPath, entry.name)).size;
    if (bytes > MOST_BYTES) break;
  }
  return bytes;
}

const NO_FILE: Text = {
  en: 'it comes from a variable or from the compose file itself',
  zh: '其内容来自变量或 compose 文件本身',
};
const NOT_THERE: Text = { en: 'it is no file or directory', zh: '不是普通文件或目录' };
const TOO_LARGE: Text = { en: 'it is too large to be copied', zh: '体积过大, 未复制' };

const leftOut = (target: string, why: Text): Text => ({
  en: `The drill has nothing at ${printable(target)}, which production mounts: ${why.en}.`,
  zh: `演练中没有 ${printable(target)} (生产环境为挂载): ${why.zh}.`,
});
