import path from 'node:path';
import type { Target } from '../../core/target.ts';
import { printable, type Text } from '../../core/text.ts';
import { isWithin, type Mount } from '../../tools/docker/places.ts';
import { isKept } from '../app/inventory.ts';
import type { Hidden } from '../stack/deployment.ts';

/**
 * What mounts hide of a release. Pure.
 *
 * @param files of the release, below the application's root.
 */
export function hiddenBy(target: Target, mounts: readonly Mount[], files: Iterable<string>): Hidden[] {
  const { root, userdata } = target.app;
  const over = mounts.filter((m) => isWithin(m.target, root) && !isWithin(m.target, userdata));
  if (over.length === 0) return [];
  const all = [...files];
  return over.flatMap((mount) => {
    const behind = all.filter((file) => isWithin(path.posix.join(root, file), mount.target));
    if (behind.length === 0) return [];
    return [{ mount, files: behind.length, isKept: behind.every((file) => isKept(target, file)) }];
  });
}

export function hiddenText({ mount, files }: Hidden): Text {
  const [over, from] = [printable(mount.target), printable(mount.source)];
  return {
    en: `${over} is mounted${from && ` (${from})`}: ${files} files of the release are hidden behind it. What is there is not released.`,
    zh: `${over} 为挂载点${from && ` (${from})`}: 版本中有 ${files} 个文件被其遮盖, 其中的内容不随版本发布.`,
  };
}

/** What makes a hot update possible all the same. */
export function keepHidden({ app: { root } }: Target, { mount }: Hidden): Text {
  const below = path.posix.relative(root, mount.target);
  return {
    en: `Take the mount out of the compose file; or say that no release touches it: "release": {"kept": [".env", ".venv", "${printable(below)}"]} in the target config.`,
    zh: `请从 compose 文件中去掉该挂载; 或在目标配置中声明发布时不改动它: "release": {"kept": [".env", ".venv", "${printable(below)}"]}.`,
  };
}
