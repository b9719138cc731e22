import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { CommandError, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import { config } from '../../tools/docker/compose.ts';
import { composeFiles } from '../../tools/docker/compose-files.ts';
import { showFile } from '../../tools/git/tree.ts';
import { layCommit } from './build-context.ts';
import type { RebuildReason } from './rebuild-reasons.ts';

const section = z.record(z.string(), z.unknown());
const resolvedSchema = z.looseObject({
  services: z.record(z.string(), section),
  networks: section.nullish(),
  volumes: section.nullish(),
  secrets: section.nullish(),
  configs: section.nullish(),
});

/** What compose makes of a project. Secrets included: never shown. */
export type Resolved = z.infer<typeof resolvedSchema>;

/** Words by which a compose file takes in another file; the deploy directory's `.env` is none of a release's. */
const TAKES_IN =
  /\b(?:include|extends|env_file)\b(?!"?:\s*(?:-\s*|\[\s*)?["']?(?:\.\/)?\.env["']?[ \t]*\]?[ \t]*(?:\n(?!\s*-\s)|(?![\s\S])))/;

/**
 * Where a release's compose files make something else of the stack's services than those of what runs: a container has all of it from its
 * creation on, so no hot update brings it. Both are resolved by compose itself, with the same `.env`; only what comes out is compared.
 *
 * @param before the commit that runs; without one, the deploy directory's files stand for it.
 * @param after a full id.
 */
export async function composeReasons(ops: Ops, before: string | undefined, after: string): Promise<RebuildReason[]> {
  const { dir, services } = ops.target;
  const files = composeFiles(ops.target)
    .map((file) => path.relative(dir, file))
    .filter((file) => !file.startsWith('..'));
  const textsAt = (commit: string) => Promise.all(files.map((file) => showFile(ops, commit, file)));
  const [was, is] = await Promise.all([before === undefined ? undefined : textsAt(before), textsAt(after)]);
  if (isDeepStrictEqual(was, is) && !is.some((text) => TAKES_IN.test(text ?? ''))) return [];
  const name = files.join(', ');
  try {
    const then = before === undefined ? await resolvedHere(ops) : await resolvedAt(ops, before);
    const now = await resolvedAt(ops, after);
    return Object.values(services).flatMap((key) => serviceReasons(name, key, then, now));
  } catch (error) {
    if (!(error instanceof CommandError) || error.kind !== 'command') throw error;
    return [{ path: name, why: unresolved(printable(ops.secrets.redact(error.output.stderr.trim()))) }];
  }
}

/** Pure. */
export function serviceReasons(file: string, key: string, then: Resolved, now: Resolved): RebuildReason[] {
  const parts = [...differing(then.services[key] ?? {}, now.services[key] ?? {}), ...declared(key, then, now)];
  if (parts.length === 0) return [];
  const list = parts.map((part) => printable(`${key}.${part}`)).join(', ');
  return [
    {
      path: file,
      why: {
        en: `${list} would be another; a container has it from its creation on`,
        zh: `${list} 将发生变化, 需要重新创建容器才能生效`,
      },
    },
  ];
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

const resolvedHere = async (ops: Ops): Promise<Resolved> =>
  answerOf('docker compose config', resolvedSchema, (await run(ops, config(ops.target))).stdout);

/** As if the deploy directory had that commit's files and its own `.env`. */
async function resolvedAt(ops: Ops, commit: string): Promise<Resolved> {
  const { dir } = ops.target;
  const parent = mkdtempSync(path.join(ops.paths.run, 'compose-'));
  try {
    const place = path.join(parent, path.basename(dir)); // from which compose derives the project's name
    mkdirSync(place);
    await layCommit(ops, commit, place);
    rmSync(path.join(place, '.env'), { force: true });
    symlinkSync(path.join(dir, '.env'), path.join(place, '.env'));
    const [first, ...more] = composeFiles(ops.target).map((file) => path.resolve(place, path.relative(dir, file)));
    const target = { dir: place, composeFile: first ?? '', composeFiles: [first ?? '', ...more] };
    const { stdout } = await run(ops, config(target));
    return answerOf('docker compose config', resolvedSchema, stdout.replaceAll(place, dir));
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

const unresolved = (said: string): Text => ({
  en: `changed, and compose can't say what it would make of it: ${said}`,
  zh: `已变更, 且 compose 无法解析: ${said}`,
});
