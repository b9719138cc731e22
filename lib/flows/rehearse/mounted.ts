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
 * Copies of the files that compose mounts read-only, such as the certificate without which nginx does not start, secrets and configs. Copies:
 * nothing of the host's is in the container.
 */
export async function copyMounted(ops: Ops, mounts: readonly Mount[], id: string): Promise<void> {
  const { root, userdata } = ops.target.app;
  const wanted = mounts.filter(
    (m) => m.kind !== 'volume' && m.readOnly && m.target !== `${root}/.env` && !isWithin(m.target, userdata),
  );
  for (const { kind, source, target } of wanted) {
    const bytes = kind === 'bind' ? sizeOf(source) : 0;
    const why = kind === 'own' ? NO_FILE : bytes === undefined ? NOT_THERE : bytes > MOST_BYTES ? TOO_LARGE : undefined;
    if (why) {
      ops.screen.show({ event: 'warning', text: leftOut(target, why) });
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
