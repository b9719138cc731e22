import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Ops } from '../../core/ops.ts';
import { given, printable } from '../../core/text.ts';
import { composeFiles } from '../../tools/docker/compose-files.ts';
import { showFile } from '../../tools/git/tree.ts';
import type { RebuildReason } from './rebuild-reasons.ts';
import { type Resolved, resolvedAt, resolvedHere, unresolved } from './resolved.ts';

/** Words by which a compose file takes in another file; the deploy directory's `.env` is none of a release's. */
const TAKES_IN =
  /\b(?:include|extends|env_file|label_file)\b(?!"?:\s*(?:-\s*|\[\s*)?["']?(?:\.\/)?\.env["']?[ \t]*\]?[ \t]*(?:\n(?!\s*-\s)|(?![\s\S])))/;

/**
 * Where a release's compose files make something else of the stack's services than those of what runs: a container has all of it from its
 * creation on, so no hot update brings it. Both are resolved by compose itself, with the same files of which git has none; only what comes
 * out is compared.
 *
 * @param before the commit that runs; without one, the deploy directory's files stand for it.
 * @param after a full id.
 */
export async function composeReasons(ops: Ops, before: string | undefined, after: string): Promise<RebuildReason[]> {
  const { dir, services } = ops.target;
  const files = composeFiles(ops.target);
  const isOutside = (file: string) => path.relative(dir, file).startsWith('..');
  const textsAt = (commit: string) =>
    Promise.all(files.map((file) => (isOutside(file) ? undefined : showFile(ops, commit, path.relative(dir, file)))));
  const [was, is] = await Promise.all([before === undefined ? undefined : textsAt(before), textsAt(after)]);
  const takesIn = is.some((text, at) => TAKES_IN.test(text ?? textHere(files[at] ?? '')));
  if (isDeepStrictEqual(was, is) && !takesIn) return [];
  const name = composeNames(ops);
  try {
    const then = before === undefined ? await resolvedHere(ops) : await resolvedAt(ops, 'then', before);
    const now = await resolvedAt(ops, 'now', after);
    return Object.values(services).flatMap((key) => serviceReasons(name, key, then, now));
  } catch (error) {
    return [{ path: name, why: unresolved(ops, error) }];
  }
}

/** Of the compose files, as they are called from the deploy directory. */
export const composeNames = ({ target }: Pick<Ops, 'target'>): string =>
  composeFiles(target)
    .map((file) => path.relative(target.dir, file))
    .join(', ');

/** Of a file of which git has none. */
function textHere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Pure. */
export function serviceReasons(file: string, key: string, then: Resolved, now: Resolved): RebuildReason[] {
  const parts = [...differing(then.services[key] ?? {}, now.services[key] ?? {}), ...declared(key, then, now)];
  const listed = parts.map((part) => printable(`${key}.${part}`)).join(', ');
  return given(listed, (list) => ({
    path: file,
    why: {
      en: `${list} would be another; a container has it from its creation on`,
      zh: `${list} 将发生变化, 需要重新创建容器才能生效`,
    },
  }));
}

/** Names of what differs, of mappings (variables, labels) one by one. Never a value. */
function differing(then: Section, now: Section): string[] {
  const keys = [...new Set([...Object.keys(then), ...Object.keys(now)])].filter(
    (key) => !isDeepStrictEqual(then[key], now[key]),
  );
  return keys.flatMap((key) => {
    const [was, is] = [then[key], now[key]];
    if (!isMapping(was) || !isMapping(is)) return [key];
    return Object.keys({ ...was, ...is })
      .filter((inner) => !isDeepStrictEqual(was[inner], is[inner]))
      .map((inner) => `${key}.${inner}`);
  });
}

type Section = Readonly<Record<string, unknown>>;

const isMapping = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Networks, volumes, secrets and configs that the service uses, and that are declared otherwise. */
function declared(key: string, then: Resolved, now: Resolved): string[] {
  const of = now.services[key] ?? {};
  return (['networks', 'volumes', 'secrets', 'configs'] as const).flatMap((kind) =>
    usedBy(of[kind])
      .filter((name) => !isDeepStrictEqual(then[kind]?.[name], now[kind]?.[name]))
      .map((name) => `${kind}.${name}`),
  );
}

function usedBy(section: unknown): string[] {
  if (isMapping(section)) return Object.keys(section);
  return Array.isArray(section) ? section.map((one) => String((one as { source?: unknown }).source ?? '')) : [];
}
