import path from 'node:path';
import type { Target } from '../../core/target.ts';
import { printable, type Text } from '../../core/text.ts';
import { isWithin, type Mount } from '../../tools/docker/places.ts';
import { isKept } from '../app/inventory.ts';
import type { Hidden } from '../stack/deployment.ts';

/**
 * What mounts hide of a release. Pure.
 *
 * @param files of the release in git, below the application's root. What is built of them, or beside them, counts as well.
 */
export function hiddenBy(target: Target, mounts: readonly Mount[], files: Iterable<string>): Hidden[] {
  const { root, userdata } = target.app;
  const over = mounts.filter((m) => isWithin(m.target, root) && !isWithin(m.target, userdata));
  if (over.length === 0) return [];
  const all = [...files];
  const has = (directory: string) => all.some((file) => isWithin(file, directory));
  const directories = target.release.artefacts.filter(({ from = '', to }) => has(from) && !has(to));
  return over.flatMap((mount) => {
    const behind = all.filter((file) => isWithin(path.posix.join(root, file), mount.target));
    const built = directories.flatMap(({ to }) => inCommon(path.posix.join(root, to), mount.target) ?? []);
    if (behind.length + built.length === 0) return [];
    const below = [...behind, ...built.map((directory) => path.posix.relative(root, directory))];
    return [{ mount, files: behind.length, built, isKept: below.every((file) => isKept(target, file)) }];
  });
}

/** The inner one of two directories, if one lies in the other. */
function inCommon(a: string, b: string): string | undefined {
  if (isWithin(a, b)) return a;
  return isWithin(b, a) ? b : undefined;
}

export function hiddenText({ mount, files, built }: Hidden): Text {
  const [over, from] = [printable(mount.target), printable(mount.source)];
  const list = built.map(printable).join(', ');
  const what = {
    en: [...(files > 0 ? [`${files} files of the release`] : []), ...(list ? [`what is built in ${list}`] : [])],
    zh: [...(files > 0 ? [`版本中的 ${files} 个文件`] : []), ...(list ? [`构建到 ${list} 的内容`] : [])],
  };
  return {
    en: `${over} is mounted${from && ` (${from})`}, and hides ${what.en.join(' and ')}. What is there is not released.`,
    zh: `${over} 为挂载点${from && ` (${from})`}, 遮盖了${what.zh.join('及')}, 其中的内容不随版本发布.`,
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
