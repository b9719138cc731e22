import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectLocal, type LocalChanges } from '../../../../lib/domain/release/local-changes.ts';
import { keepRelease, resetTo, saveLocal } from '../../../../lib/domain/release/save-local.ts';
import { archiveCommit } from '../../../../lib/tools/git/archive.ts';
import { collisions } from '../../../../lib/tools/git/collisions.ts';
import { decodePath, escapedBytes, listed, quotedPath } from '../../../../lib/tools/git/paths.ts';
import { formerTreeOf, treeOf } from '../../../../lib/tools/git/tree.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';

const id = (letter: string) => letter.repeat(40);
const [HEAD, NEW, TREE, STAGED, SAVED, BLOB] = ['a', 'b', 'c', 'd', 'e', 'f'].map(id) as [
  string,
  string,
  string,
  string,
  string,
  string,
];

const words = ({ argv }: Call) => argv.slice(argv.indexOf('-C') + 2).join(' ');

type Special = (line: string, call: Call) => Reply | undefined;

/** A clean repository at HEAD, but for what `special` says. */
function repository(special: Special = () => undefined): TestOps {
  const ops = testOps((call) => {
    const line = words(call);
    const own = special(line, call);
    if (own) return own;
    if (line.startsWith('rev-parse --absolute-git-dir'))
      return { stdout: `${ops.target.dir}/.git\ntrue\n\n.git/objects\n` };
    if (line.startsWith('rev-parse --verify')) return { stdout: `${HEAD}\n` };
    if (line === `rev-parse ${HEAD}^{tree}`) return { stdout: `${TREE}\n` };
    if (line.startsWith('ls-tree')) return { stdout: `100644 blob ${BLOB}\tapp.py\0` };
    if (line.startsWith('symbolic-ref')) return { stdout: 'refs/heads/main\n' };
    if (line.startsWith('config')) return { exitCode: 1 };
    if (/^(ls-files|status|log|update-index|read-tree|update-ref|reset)/.test(line)) return { stdout: '' };
    if (line.startsWith('hash-object')) return { stdout: `${BLOB}\n` };
    if (line === 'write-tree') return { stdout: `${TREE}\n` };
    if (line.startsWith('commit-tree')) return { stdout: `${SAVED}\n` };
    return undefined;
  });
  mkdirSync(path.join(ops.target.dir, '.git'));
  return ops;
}

const modified: Special = (line) => (line.startsWith('status') ? { stdout: ' M app.py\0' } : undefined);
const clean: LocalChanges = {
  none: true,
  uncommitted: [],
  colliding: [],
  unpushed: [],
  inProgress: undefined,
  branch: 'main',
  head: HEAD,
};

describe('inspectLocal', () => {
  it('only looks', async () => {
    const ops = repository(modified);
    expect(await inspectLocal(ops, NEW)).toEqual({ ...clean, none: false, uncommitted: ['app.py'] });
    expect(ops.written).toEqual([]);
    const lines = ops.scripted.calls.map(words);
    expect(lines).toContain('status --porcelain -z --no-renames --untracked-files=no --ignore-submodules=all');
    expect(lines).toContain('ls-files --others -z'); // ignored ones too
    expect(lines).toContain(
      `log -z --format=%H%n%s HEAD --not ${NEW} --remotes --glob=refs/whalefall-ops/releases/* --`,
    );
  });

  it('never counts its own directory, and refuses a commit that has it', async () => {
    const own = repository((line) => {
      if (line.startsWith('status')) return { stdout: ' M .whalefall-ops/x\0' };
      return line.startsWith('ls-files --others') ? { stdout: '.whalefall-ops/y\0app.py.bak\0' } : undefined;
    });
    expect(await inspectLocal(own, NEW)).toEqual(clean);
    for (const bad of ['.whalefall-ops', '.whalefall-ops/x']) {
      const ops = repository((line) =>
        line.startsWith('ls-tree') ? { stdout: `100644 blob ${BLOB}\t${bad}\0` } : undefined,
      );
      await expect(inspectLocal(ops, NEW)).rejects.toMatchObject({ kind: 'precondition' });
    }
  });

  it.each([
    ['D  gone.py', true],
    [' D gone.py', true],
    [' D app.py', false],
    ['MD gone.py', false],
    ['AM gone.py', false],
  ])('%s alone would lose nothing: %s', async (line, none) => {
    const ops = repository((l) => (l.startsWith('status') ? { stdout: `${line}\0` } : undefined));
    expect((await inspectLocal(ops, NEW)).none).toBe(none);
  });

  it('looks behind assume-unchanged with an index of its own', async () => {
    const ops = repository((line) =>
      line.startsWith('ls-files -v') ? { stdout: 'H a\0h app.py\0S absent\0s b\0' } : undefined,
    );
    for (const file of ['app.py', 'b', '.git/index']) writeFileSync(path.join(ops.target.dir, file), '');
    await inspectLocal(ops, NEW);
    const updates = ops.scripted.calls.filter((c) => c.argv.includes('update-index'));
    expect(updates.map((c) => [words(c), c.input])).toEqual([
      ['update-index --no-assume-unchanged -z --stdin', 'app.py\0b\0'],
      ['update-index --no-skip-worktree -z --stdin', 'app.py\0b\0'],
    ]);
    const status = ops.scripted.calls.find((c) => c.argv.includes('status'));
    const own = status?.env['GIT_INDEX_FILE'] ?? '';
    expect(own.startsWith(ops.paths.run)).toBe(true);
    expect(existsSync(own)).toBe(false);
  });

  it('names what is not UTF-8 only where it matters', async () => {
    const bytes = Buffer.from([0x64, 0x2f, 0xff, 0]);
    const others: Special = (line) => (line.startsWith('ls-files --others') ? { stdout: [bytes] } : undefined);
    expect((await inspectLocal(repository(others), NEW)).none).toBe(true);
    const inTheWay = repository((line, call) =>
      line.startsWith('ls-tree') ? { stdout: `100644 blob ${BLOB}\td\0` } : others(line, call),
    );
    await expect(inspectLocal(inTheWay, NEW)).rejects.toMatchObject({
      what: { en: expect.stringContaining('d/\\xff') },
    });
  });
});

describe('saveLocal', () => {
  const changes = { ...clean, none: false, uncommitted: ['app.py'] };
  const saving = (special: Special = () => undefined) =>
    repository((line, call) => {
      const own = special(line, call);
      if (own) return own;
      return line === 'write-tree' && call.env['GIT_INDEX_FILE'] ? { stdout: `${STAGED}\n` } : undefined;
    });

  it('needs no identity, touches neither index nor configuration, and never writes over a ref', async () => {
    const ops = saving();
    writeFileSync(path.join(ops.target.dir, 'app.py'), 'mine');
    expect(await saveLocal(ops, changes, 'run1')).toMatchObject({
      ref: 'refs/whalefall-ops/saved/run1',
      commit: SAVED,
    });
    const lines = ops.scripted.calls.map(words);
    expect(lines).toContain(`update-ref -- refs/whalefall-ops/saved/run1 ${SAVED} ${'0'.repeat(40)}`);
    expect(lines).toContain('hash-object -w --no-filters --stdin-paths');
    const commit = ops.scripted.calls.find((c) => c.argv.includes('commit-tree'));
    expect(commit?.env).toMatchObject({ GIT_AUTHOR_NAME: 'whalefall-ops', GIT_COMMITTER_DATE: '1767323045 +0000' });
    for (const c of ops.scripted.calls.filter((c) => /read-tree|update-index|write-tree/.test(words(c)))) {
      expect(c.env['GIT_INDEX_FILE']).toMatch(new RegExp(`^${ops.paths.run}/`));
    }
    expect(readdirSync(ops.paths.run)).toEqual([]);
    expect(ops.written.length).toBeGreaterThan(0);
  });

  it('saves nothing where there is nothing', async () => {
    const ops = saving();
    expect(await saveLocal(ops, clean, 'run1')).toBeUndefined();
    expect(ops.scripted.calls).toEqual([]);
  });

  it.each(['.env', 'conf/.env.local', '.ENV', '.env~'])('never reads %s into git', async (file) => {
    const ops = saving();
    mkdirSync(path.join(ops.target.dir, 'conf'));
    writeFileSync(path.join(ops.target.dir, file), 'x');
    const saved = saveLocal(ops, { ...changes, colliding: [file] }, 'run1');
    await expect(saved).rejects.toMatchObject({ kind: 'precondition', what: { en: expect.stringContaining(file) } });
    expect(ops.scripted.calls).toEqual([]);
  });
});

describe('resetTo', () => {
  const saved = { ref: 'r', commit: SAVED, kept: { files: TREE, staged: undefined }, getBack: [] };

  it('resets the current branch as a change', async () => {
    const ops = repository();
    await resetTo(ops, NEW, clean, undefined);
    expect(ops.scripted.calls.map(words).at(-1)).toBe(`reset --hard --quiet ${NEW} --`);
    expect(ops.written[0]).toMatchObject({ event: 'intent', command: expect.stringContaining('reset --hard') });
  });

  it.each<[string, Special | undefined, LocalChanges, typeof saved | undefined]>([
    ['another commit', undefined, { ...clean, head: NEW }, undefined],
    ['another branch', undefined, { ...clean, branch: 'topic' }, undefined],
    ['changes that were not saved', modified, clean, undefined],
    [
      'changes that are not what was saved',
      (l, c) => (l.startsWith('diff-tree') ? { stdout: 'app.py\0' } : modified(l, c)),
      clean,
      { ...saved, kept: { files: STAGED, staged: undefined } },
    ],
  ])('refuses %s', async (_what, special, seen, kept) => {
    const ops = repository(special);
    await expect(resetTo(ops, NEW, seen, kept)).rejects.toMatchObject({
      kind: 'precondition',
      state: { en: expect.stringContaining('was not reset') },
    });
    expect(ops.scripted.calls.map(words).some((l) => l.startsWith('reset'))).toBe(false);
  });

  it('keeps releases by a ref of their own', async () => {
    const ops = repository();
    await keepRelease(ops, NEW, 'run1');
    expect(ops.scripted.calls.map(words)).toEqual([`update-ref -- refs/whalefall-ops/releases/run1 ${NEW}`]);
  });
});

describe('the content of a commit', () => {
  it('is archived under its name only when it is whole', async () => {
    const good = testOps((call) =>
      call.argv.includes('archive') ? { stdout: 'tar' } : { stdout: '/x/.git\ntrue\n\n/x/.git/objects\n' },
    );
    const file = path.join(good.target.dir, 'app.tar');
    await archiveCommit(good, NEW, file);
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['tar', 0o600]);
    const call = good.scripted.calls.at(-1);
    expect(words(call as Call)).toBe(`-c tar.umask=0022 archive --format=tar ${NEW}`);
    expect(call?.env['GIT_OBJECT_DIRECTORY']).toBe('/x/.git/objects');
    const bad = testOps((c) =>
      c.argv.includes('archive') ? { stdout: 'ta', exitCode: 1 } : { stdout: '/x/.git\ntrue\n\n/x/.git/objects\n' },
    );
    await expect(archiveCommit(bad, NEW, path.join(bad.target.dir, 'app.tar'))).rejects.toMatchObject({
      kind: 'command',
    });
    expect(readdirSync(bad.target.dir)).toEqual(['.whalefall-ops']);
  });

  it('names every submodule', async () => {
    const ops = repository((l) =>
      l.startsWith('ls-tree')
        ? { stdout: `160000 commit ${BLOB}\tvendor/a\x1b\x00160000 commit ${BLOB}\tb\0` }
        : undefined,
    );
    await expect(treeOf(ops, NEW)).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringContaining('vendor/a\\x1b, b') },
    });
  });

  it('compares what runs with a commit whatever that has which can’t be released', async () => {
    const ops = repository((l) =>
      l.startsWith('ls-tree') ? { stdout: `160000 commit ${BLOB}\tvendor\x00100644 blob ${BLOB}\ta.py\0` } : undefined,
    );
    expect([...(await formerTreeOf(ops, NEW)).keys()]).toEqual(['a.py']);
  });
});

it('knows what stands in a commit’s way', () => {
  const wanted = ['a', 'd/x', 'e/f/g'];
  expect(collisions(wanted, ['a', 'a/b/c', 'd', 'e/f', 'e/f/', 'd/'])).toEqual([
    'a',
    'a/b/c',
    'd',
    'e/f',
    'e/f/',
    'd/',
  ]);
  expect(collisions(wanted, ['b', 'd/y', 'ab', 'e/f/h', 'A', 'd/x2/'])).toEqual([]);
});

it('reads, quotes and shows paths', () => {
  expect(decodePath('\xe9\xb2\xb8')).toBe('鲸');
  expect([decodePath('\xe9'), escapedBytes('a\xe9\n')]).toEqual([undefined, 'a\\xe9\\x0a']);
  expect(quotedPath('a"\\\n\r鲸')).toBe('"a\\042\\134\\012\\015鲸"');
  expect(listed(['a\nb', 'c\x1b'])).toBe('a\\nb, c\\x1b');
  expect(listed(['a', 'b', 'c'], 2)).toBe('a, b, … (3)');
});
