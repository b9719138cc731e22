import { isDeepStrictEqual } from 'node:util';
import { parse } from 'smol-toml';
import type { Text } from '../../core/text.ts';

/** What of pyproject.toml decides which packages are installed, as uv, pip and Poetry read it. */
const PARTS = [
  'build-system',
  'dependency-groups',
  'project.dependencies',
  'project.optional-dependencies',
  'project.requires-python',
  'tool.uv',
  'tool.poetry.dependencies',
  'tool.poetry.dev-dependencies',
  'tool.poetry.extras',
  'tool.poetry.group',
  'tool.poetry.source',
] as const;

/** What differs in the dependencies of two pyproject.toml, `undefined` when nothing does. One that can't be parsed differs. */
export function changedDependencies(before: string | undefined, after: string | undefined): Text | undefined {
  if (before === after) return undefined;
  const [old, fresh] = [parsed(before), parsed(after)];
  if (old === undefined || fresh === undefined) {
    return { en: 'changed, and can’t be parsed', zh: '已变更, 且无法解析' };
  }
  const parts = PARTS.filter((part) => !isDeepStrictEqual(at(old, part), at(fresh, part)));
  if (parts.length === 0) return undefined;
  return { en: `dependencies changed: ${parts.join(', ')}`, zh: `依赖已变更: ${parts.join(', ')}` };
}

/** @returns an empty table when there is no file, `undefined` when it is no TOML. */
function parsed(text: string | undefined): unknown {
  try {
    return parse(text ?? '');
  } catch {
    return undefined;
  }
}

const at = (table: unknown, part: string): unknown =>
  part.split('.').reduce((value, key) => Object.getOwnPropertyDescriptor(Object(value), key)?.value, table);
