import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { change } from '../../core/command.ts';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { isWithin, type Mount } from '../../tools/docker/places.ts';

/** More is data, and no configuration. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Copies of the files that compose mounts read-only, such as the certificate without which nginx does not start. Copies: nothing of the
 * host's is in the container.
 */
export async function copyMounted(ops: Ops, mounts: readonly Mount[], id: string): Promise<void> {
  const { root, userdata } = ops.target.app;
  const wanted = mounts.filter(
    (m) => m.kind === 'bind' && m.readOnly && m.target !== `${root}/.env` && !isWithin(m.target, userdata),
  );
  for (const { source, target } of wanted) {
    const bytes = sizeOf(source);
    if (bytes === undefined || bytes > MOST_BYTES) {
      ops.screen.show({ event: 'warning', text: leftOut(target, bytes) });
      continue;
    }
    const from = statSync(source).isDirectory() ? `${source}/.` : source;
    await run(ops, change(['docker', 'cp', '-L', from, `${id}:${target}`]));
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

const leftOut = (target: string, bytes: number | undefined): Text => ({
  en: `The drill has nothing at ${printable(target)}, which production mounts: ${bytes === undefined ? 'it is no file or directory' : 'it is too large to be copied'}.`,
  zh: `演练中没有 ${printable(target)} (生产环境为挂载): ${bytes === undefined ? '不是普通文件或目录' : '体积过大, 未复制'}.`,
});
