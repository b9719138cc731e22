import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAst } from 'vitest/node';
import { FLOORS } from './floors.ts';

const ROOT = path.join(import.meta.dirname, '../..');

interface Import {
  readonly from: string;
  readonly to: string;
  readonly names: readonly string[];
}

/** As much of a syntax tree as is looked at. */
interface Node {
  readonly type: string;
  readonly source?: { readonly value?: unknown } | null;
  readonly specifiers?: readonly {
    readonly local: { readonly name?: string };
    readonly imported?: { name?: string };
  }[];
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value;

/** Every place that names another module: import and export, of values and types, and `import(…)` of either kind. */
function* modulesIn(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const child of value) yield* modulesIn(child);
  else if (isNode(value)) {
    if (typeof value.source?.value === 'string') yield value;
    for (const child of Object.values(value)) yield* modulesIn(child);
  }
}

function importsOf(from: string, text: string): Import[] {
  return [...modulesIn(parseAst(text, { lang: 'ts' }))].flatMap(({ source, specifiers = [] }) => {
    const named = String(source?.value);
    if (!named.startsWith('.')) return [];
    const names = specifiers.map(({ local, imported }) => imported?.name ?? local.name ?? '*');
    return [{ from, to: path.posix.join(path.posix.dirname(from), named), names: names.length > 0 ? names : ['*'] }];
  });
}

const files = ['lib', 'scripts'].flatMap((dir) =>
  readdirSync(path.join(ROOT, dir), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${dir}/${name}`),
);
const imports = files.flatMap((file) => importsOf(file, readFileSync(path.join(ROOT, file), 'utf8')));

const order = FLOORS.flatMap((floor) => floor.folders);
const folderOf = (file: string) => path.posix.dirname(file);
const floorOf = (file: string) => FLOORS.find(({ folders }) => folders.includes(folderOf(file)))?.name;

/** What is wrong with an import; `undefined` if nothing is. */
function whyNot({ from, to }: Import): string | undefined {
  const [here, there] = [folderOf(from), folderOf(to)];
  if (here === there) return undefined;
  if (order.indexOf(there) > order.indexOf(here)) return `folder ${there} is above folder ${here}`;
  if (floorOf(from) === 'flows' && floorOf(to) === 'flows') return 'a flow does not import a flow';
  if (floorOf(from) === 'scripts' && to !== 'lib/index.ts' && to !== ownFlow(from)) {
    return `a script imports lib/index.ts and its own flow's index`;
  }
  return undefined;
}

/** The index of the first flow that a script imports. */
function ownFlow(script: string): string | undefined {
  return imports.find((i) => i.from === script && floorOf(i.to) === 'flows' && i.to.endsWith('/index.ts'))?.to;
}

describe('floors', () => {
  it('have every folder, and no other', () => {
    expect([...order].sort()).toEqual([...new Set(files.map(folderOf))].sort());
  });

  it('are the same in docs/architecture', () => {
    for (const file of ['docs/architecture.md', 'docs/architecture.zh-CN.md']) {
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      const shown = [...text.matchAll(/^- `((?:lib|scripts)[^`]*)`/gm)].map((m) => m[1]);
      expect(shown, file).toEqual(order.toReversed());
      const headings = [...text.matchAll(/^### `(\w+)`/gm)].map((m) => m[1]);
      expect(headings, file).toEqual(FLOORS.map((f) => f.name).toReversed());
    }
  });

  it('let every import point down', () => {
    const wrong = imports.flatMap((i) => {
      const why = whyNot(i);
      return why ? [`${i.from} → ${i.to} (${i.names.join(', ')}), because ${why}`] : [];
    });
    expect(wrong).toEqual([]);
  });

  it('have no files that import one another in a circle', () => {
    expect(circles().slice(0, 3)).toEqual([]); // what closes one circle often closes many
  });
});

describe('the reading of imports', () => {
  it.each([
    ["import { a } from './b.ts';", ['a']],
    ["import type { a as c } from './b.ts';", ['a']],
    ["import { type a, d } from './b.ts';", ['a', 'd']],
    ["export { a } from './b.ts';", ['a']],
    ["export type * from './b.ts';", ['*']],
    ["const b = await import('./b.ts');", ['*']],
    ["let b: typeof import('./b.ts');", ['*']],
    ["import './b.ts';", ['*']],
  ])('sees %s', (text, names) => {
    expect(importsOf('lib/a.ts', text)).toEqual([{ from: 'lib/a.ts', to: 'lib/b.ts', names }]);
  });
});

/** Each circle once, with the names that tie it. */
function circles(): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly Import[]): void => {
    const begin = way.findIndex((i) => i.from === file);
    if (begin >= 0) {
      const ties = way.slice(begin).map((i) => `${i.from} → ${i.to} (${i.names.join(', ')})`);
      found.push(ties.join('; '));
    }
    if (begin >= 0 || done.has(file)) return;
    for (const i of imports) if (i.from === file) visit(i.to, [...way, i]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}
