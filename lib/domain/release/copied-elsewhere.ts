import path from 'node:path';
import { GLOB, matchesGlob } from '../../core/globs.ts';
import type { Target } from '../../core/target.ts';
import { printable, type Text } from '../../core/text.ts';
import { ancestors } from '../../tools/git/collisions.ts';
import { copyRules } from './copies.ts';
import { copiesInto, type ImageCopy, readStages } from './dockerfile.ts';
import type { RebuildReason } from './rebuild-reasons.ts';

/**
 * Where the image's build puts a file of the repository and no hot update does: neither its own place below the application's root, nor one of
 * the target's copies. Whole-tree copies are left out, and so is what has a variable in it. Pure.
 *
 * @param buildTarget the stage that is the image; the last one, unless it is told.
 * @returns for a path, an absolute place; `undefined` when there is none.
 */
function elsewhereBy(
  { app, release }: Pick<Target, 'app' | 'release'>,
  dockerfile: string,
  buildTarget: string | undefined,
): (file: string) => string | undefined {
  const copies = copiesInto(readStages(dockerfile, buildTarget)).filter(
    ({ stage, to }) => stage === undefined && !to.includes('$'),
  );
  const rules = copyRules({ release });
  const released = (file: string) => [
    path.posix.join(app.root, file),
    ...rules.flatMap(({ from, to }) =>
      from === file ? [to] : from.endsWith('/') && file.startsWith(from) ? [to + file.slice(from.length)] : [],
    ),
  ];
  return (file) => {
    const known = released(file);
    const places = copies.map((copy) => placesOf(copy, file));
    return places.find((places) => places.length > 0 && !places.some((place) => known.includes(place)))?.[0];
  };
}

/** Where one copy puts a file: two places where only the image tells whether the destination is a directory. */
function placesOf({ sources, to, into, parents }: ImageCopy, file: string): string[] {
  for (const written of sources) {
    const source = path.posix.join('/', written).slice(1).replace(/\/$/, '');
    if (source === '' || source === '*' || source.includes('$')) continue;
    const above = ancestors(file).find((directory) => matches(source, directory));
    if (above !== undefined) return [path.posix.join(to, parents ? file : path.posix.relative(above, file))];
    if (!matches(source, file)) continue;
    const inside = path.posix.join(to, parents ? file : path.posix.basename(file));
    return into || parents ? [inside] : [to, inside];
  }
  return [];
}

const matches = (source: string, file: string): boolean =>
  source === file || (/[*?]/.test(source) && GLOB.test(source) && matchesGlob(source, file));

/**
 * What of a release no hot update brings to where the image has it. Pure.
 *
 * @param changed paths of the repository.
 */
export function elsewhereReasons(
  target: Pick<Target, 'app' | 'release'>,
  changed: readonly string[],
  dockerfile: string,
  buildTarget: string | undefined,
): readonly RebuildReason[] {
  const { artefacts, site } = target.release;
  const elsewhere = elsewhereBy(target, dockerfile, buildTarget);
  return changed.flatMap((file) => {
    if (artefacts.some(({ to }) => file.startsWith(`${to}/`))) return [];
    const place = elsewhere(file);
    if (place === undefined) return [];
    const at = printable(place);
    const why = {
      en: `changed; the image has it at ${at} too, where no hot update puts it`,
      zh: `已变更; 镜像构建时还会将其复制到 ${at}, 热更新不会更新该处`,
    };
    const isSite = file === site.from && place === site.rendered;
    return [{ path: file, why, ...(isSite && { fix: SITE }) }];
  });
}

const SITE: Text = {
  en: 'To use it at once: --sync-nginx-site-config. Or make a full rebuild: npx tsx scripts/deploy-prod-all.ts --data keep (after `git pull`)',
  zh: '如需立即启用, 请加 --sync-nginx-site-config; 或先 git pull, 再执行全量重建: npx tsx scripts/deploy-prod-all.ts --data keep',
};
