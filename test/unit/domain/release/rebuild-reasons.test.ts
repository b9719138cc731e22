import { describe, expect, it } from 'vitest';
import { matchesGlob } from '../../../../lib/core/globs.ts';
import { targetFor, targetSchema } from '../../../../lib/core/target.ts';
import { type BuildInput, rebuildReasons } from '../../../../lib/domain/release/rebuild-reasons.ts';

const target = targetFor('/opt/whalefall', { dockerfile: 'deploy/image' });
const none: BuildInput = { pyproject: { before: undefined, after: undefined }, reads: new Set(['requirements.txt']) };
const paths = (before: Record<string, string>, after: Record<string, string>) =>
  rebuildReasons(target, new Map(Object.entries(before)), new Map(Object.entries(after)), none).map((r) => r.path);

it.each([
  'uv.lock',
  'poetry.lock',
  'Pipfile.lock',
  'requirements.txt',
  '.dockerignore',
  'scripts/ops/docker/start-prod-services.sh',
  'deploy/image',
])('wants a rebuild when %s is changed, new or gone, and not otherwise', (path) => {
  expect(paths({ [path]: 'a' }, { [path]: 'b' })).toEqual([path]);
  expect(paths({}, { [path]: 'b' })).toEqual([path]);
  expect(paths({ [path]: 'a' }, {})).toEqual([path]);
  expect(paths({ [path]: 'a' }, { [path]: 'a' })).toEqual([]);
});

it.each([
  'app/__init__.py',
  'app/uv.lock',
  'migrations/versions/1.py',
  'env.example',
  'nginx/requirements.txt',
  'requirements-dev.txt',
  'Dockerfile.dev',
  'docker-compose.dev.yml',
  'pyproject.toml',
])('does not for %s', (path) => expect(paths({ [path]: 'a' }, { [path]: 'b' })).toEqual([]));

it('says what happened to each file, by path', () => {
  const before = new Map([
    ['uv.lock', 'a'],
    ['.dockerignore', 'a'],
    ['app.py', 'a'],
  ]);
  const reasons = rebuildReasons(
    target,
    before,
    new Map([
      ['uv.lock', 'b'],
      ['deploy/image', 'a'],
    ]),
    none,
  );
  expect(reasons.map((r) => `${r.path} ${r.why.en}`)).toEqual([
    '.dockerignore is gone; only a build reads it',
    'deploy/image is new; only a build reads it',
    'uv.lock changed; only a build reads it',
  ]);
  for (const { why } of reasons) expect(why.zh).toMatch(/构建镜像/);
});

describe('pyproject.toml', () => {
  const BASE = `
[project]
name = "whalefall"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["flask>=3"]
[project.optional-dependencies]
dev = ["pytest"]
[build-system]
requires = ["hatchling"]
[dependency-groups]
lint = ["ruff"]
[tool.uv]
index-url = "https://a"
[tool.ruff]
line-length = 100
[tool.poetry.dependencies]
flask = "3"
[tool.poetry.group.dev.dependencies]
pytest = "8"
`;
  const why = (before: string | undefined, after: string | undefined) =>
    rebuildReasons(target, new Map(), new Map(), { ...none, pyproject: { before, after } }).map(
      (r) => `${r.path}: ${r.why.en}`,
    );
  const changed = (what: string) => [`pyproject.toml: dependencies changed: ${what}`];

  it.each([
    ['project.dependencies', '"flask>=3"', '"flask>=4"'],
    ['project.optional-dependencies', '["pytest"]', '["pytest", "x"]'],
    ['project.requires-python', '>=3.11', '>=3.12'],
    ['build-system', 'hatchling', 'setuptools'],
    ['dependency-groups', '["ruff"]', '["ruff==1"]'],
    ['tool.uv', 'https://a', 'https://b'],
    ['tool.poetry.dependencies', 'flask = "3"', 'flask = "4"'],
    ['tool.poetry.group', 'pytest = "8"', 'pytest = "9"'],
  ])('wants a rebuild when %s differs', (part, from, to) => {
    expect(why(BASE, BASE.replace(from, to))).toEqual(changed(part));
    expect(why(BASE.replace(from, to), BASE)).toEqual(changed(part));
  });

  it('does not for anything else, nor for how it is written', () => {
    expect(why(BASE, BASE)).toEqual([]);
    expect(
      why(
        BASE,
        BASE.replace('1.0', '2.0').replace('= 100', '= 120').replace('["flask>=3"]', '[ # why\n "flask>=3",\n]'),
      ),
    ).toEqual([]);
    expect(why(undefined, undefined)).toEqual([]);
    expect(why(undefined, '[project]\nname = "x"\n')).toEqual([]);
  });

  it('wants one when it appears or goes with dependencies, or can’t be parsed', () => {
    expect(why(undefined, BASE)).toHaveLength(1);
    expect(why(BASE, undefined)).toHaveLength(1);
    expect(why(BASE, '[project\n')).toEqual(['pyproject.toml: changed, and can’t be parsed']);
    expect(why('[project\n', BASE)).toHaveLength(1);
    expect(why('[project\n', '[project\n')).toEqual([]);
    expect(why('project = 1', 'project = "dependencies"')).toEqual([]);
  });
});

it.each([
  ['*', 'a', true],
  ['*', '.a', true],
  ['*', 'a/b', false],
  ['a*c', 'ac', true],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['a.c', 'abc', false],
  ['a+', 'aa', false],
  ['a/**', 'a/b/c\nd', true],
  ['a/**', 'a', false],
  ['a/**', 'ab/c', false],
  ['**/x', 'x', true],
  ['**/x', 'a/b/x', true],
  ['**/x', 'ax', false],
  ['a/**/x', 'a/x', true],
  ['a/**/x', 'a/b/c/x', true],
  ['a/**/x', 'a/bx', false],
  ['a', 'a\n', false],
])('matches %s against %j: %s', (glob, path, yes) => expect(matchesGlob(glob, path)).toBe(yes));

it('takes no pattern that would mean something else elsewhere', () => {
  for (const glob of ['{a,b}', '!a', '[ab]', '']) {
    expect(targetSchema.safeParse({ rebuildWhenChanged: [glob] }).success).toBe(false);
  }
});
