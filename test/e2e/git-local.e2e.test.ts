import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectLocal } from '../../lib/domain/release/local-changes.ts';
import { keepRelease, resetTo, saveLocal } from '../../lib/domain/release/save-local.ts';
import { fetchSource } from '../../lib/domain/release/source.ts';
import { gitIn, type Scene, scene } from './git.repos.ts';

const BASE = { 'app.py': 'one\n', 'old.py': 'old\n', 'settings.py': 's\n', 'run.sh': '#!/bin/sh\n' };

/** A scene with a newer release fetched. */
async function withRelease(files: Record<string, string | null>, base: Record<string, string> = BASE) {
  const s = scene(base);
  s.release(files, 'Second');
  const { commit } = await fetchSource(s.ops, 'origin/main');
  return { ...s, commit, at: (file: string) => path.join(s.dir, file) };
}

const whole = (s: Scene, at = '.'): string =>
  readdirSync(path.join(s.dir, at), { withFileTypes: true })
    .filter((e) => !['.git', '.whalefall-ops'].includes(e.name))
    .map((e) => {
      const file = path.join(at, e.name);
      if (e.isDirectory()) return `${file}/\n${whole(s, file)}`;
      return `${file} ${e.isSymbolicLink() ? readlinkSync(path.join(s.dir, file)) : readFileSync(path.join(s.dir, file))}`;
    })
    .join('\n');

/** What only looking, or saving, must not change. */
const state = (s: Scene) => [
  whole(s),
  readFileSync(path.join(s.dir, '.git/index')).toString('latin1'),
  readFileSync(path.join(s.dir, '.git/config'), 'utf8'),
  s.git('for-each-ref', 'refs/heads', 'refs/remotes'),
];

const inCommit = (s: Scene, ref: string, file: string) => {
  const line = gitIn(s.dir, s.root, ['--literal-pathspecs', 'ls-tree', '-z', ref, '--', file]);
  const [mode, , blob] = line.split(/[ \t]/);
  return blob === undefined
    ? undefined
    : [mode, Buffer.from(gitIn(s.dir, s.root, ['cat-file', 'blob', blob]), 'latin1').toString()];
};

describe('inspectLocal', () => {
  it('finds nothing in a clean directory, whatever lies beside', async () => {
    const s = await withRelease({ 'app.py': 'two\n' });
    s.write('notes.txt', 'mine');
    s.write('.whalefall-ops/backups/dump', 'x');
    expect(await inspectLocal(s.ops, s.commit)).toEqual({
      none: true,
      uncommitted: [],
      colliding: [],
      unpushed: [],
      inProgress: undefined,
      branch: 'main',
      head: s.git('rev-parse', 'HEAD'),
    });
    expect(s.journal).toEqual([]);
  });

  it('finds what is modified, staged, deleted, renamed, new, or hidden from git', async () => {
    const s = await withRelease({ 'app.py': 'two\n' }, { ...BASE, 'gone.py': 'g', 'hid.py': 'h', 'skip.py': 'k' });
    s.write('app.py', 'mine\n');
    s.write('settings.py', 'staged\n');
    s.git('add', 'settings.py');
    rmSync(s.at('gone.py'));
    s.git('mv', 'old.py', '鲸 "new"\n.py');
    chmodSync(s.at('run.sh'), 0o755);
    s.git('update-index', '--assume-unchanged', 'hid.py');
    s.git('update-index', '--skip-worktree', 'skip.py');
    s.write('hid.py', 'hidden\n');
    s.write('skip.py', 'hidden too\n');
    const before = state(s);
    const { uncommitted, none } = await inspectLocal(s.ops, s.commit);
    expect([...uncommitted].sort()).toEqual(
      ['app.py', 'gone.py', 'hid.py', 'old.py', 'run.sh', 'settings.py', 'skip.py', '鲸 "new"\n.py'].sort(),
    );
    expect(none).toBe(false);
    expect(state(s)).toEqual(before);
  });

  it('finds untracked and ignored files where the commit has something', async () => {
    const s = await withRelease({ 'new.py': 'n', 'file/inside': 'i', dir: 'd', 'ig.log': 'l', 'repo/x': 'r' });
    writeFileSync(s.at('.git/info/exclude'), '*.log\n');
    s.write('new.py', 'mine');
    s.write('file', 'a file where a directory comes');
    s.write('dir/deep/mine', 'a directory where a file comes');
    s.write('ig.log', 'ignored');
    s.write('free.txt', 'in nobody’s way');
    mkdirSync(s.at('repo'));
    gitIn(s.at('repo'), s.root, ['init', '-q']);
    gitIn(s.at('repo'), s.root, ['commit', '-q', '--allow-empty', '-m', 'x']);
    const { colliding } = await inspectLocal(s.ops, s.commit);
    expect([...colliding].sort()).toEqual(['dir/deep/mine', 'file', 'ig.log', 'new.py', 'repo/']);
  });

  it('finds commits that are nowhere else, also on a detached HEAD', async () => {
    const s = await withRelease({ 'app.py': 'two\n' });
    s.git('checkout', '-q', '--detach');
    s.git('commit', '-q', '--allow-empty', '-m', 'Only here \x1b[31m');
    const id = s.git('rev-parse', 'HEAD');
    const found = await inspectLocal(s.ops, s.commit);
    expect(found).toMatchObject({
      none: false,
      branch: undefined,
      unpushed: [{ commit: id, subject: 'Only here \x1b[31m' }],
    });
    // The same commit on the remote is not lost.
    s.git('update-ref', 'refs/remotes/origin/topic', id);
    expect((await inspectLocal(s.ops, s.commit)).unpushed).toEqual([]);
  });

  it.each([
    ['MERGE_HEAD', 'merge'],
    ['rebase-merge', 'rebase'],
    ['rebase-apply', 'rebase'],
    ['CHERRY_PICK_HEAD', 'cherry-pick'],
    ['REVERT_HEAD', 'revert'],
    ['BISECT_LOG', 'bisect'],
    ['index.lock', 'index.lock'],
  ])('notices %s', async (file, operation) => {
    const s = await withRelease({ 'app.py': 'two\n' });
    writeFileSync(s.at(`.git/${file}`), '');
    expect(await inspectLocal(s.ops, s.commit)).toMatchObject({ none: false, inProgress: operation });
  });

  it('runs no filter of the repository’s own, and those of the person', async () => {
    const s = await withRelease(
      { 'app.py': 'two\n' },
      { ...BASE, '.gitattributes': '*.py filter=evil\n*.sh filter=mine\n' },
    );
    const [evil, mine] = [path.join(s.root, 'evil'), path.join(s.root, 'mine')];
    for (const what of ['clean', 'smudge']) {
      s.git('config', `filter.evil.${what}`, `touch ${evil}; cat`);
      s.git('config', '--global', `filter.mine.${what}`, `touch ${mine}; cat`);
    }
    s.git('config', 'core.fsmonitor', `touch ${evil}; true`);
    mkdirSync(s.at('.git/hooks'), { recursive: true });
    for (const hook of ['reference-transaction', 'post-checkout', 'post-index-change']) {
      writeFileSync(s.at(`.git/hooks/${hook}`), `#!/bin/sh\ntouch ${evil}\n`, { mode: 0o755 });
    }
    s.write('app.py', 'mine\n');
    s.write('run.sh', '#!/bin/bash\n');
    const seen = await inspectLocal(s.ops, s.commit);
    const saved = await saveLocal(s.ops, seen, 'r1');
    await resetTo(s.ops, s.commit, seen, saved);
    expect([existsSync(evil), existsSync(mine)]).toEqual([false, true]);
    s.git('config', 'filter.a=b.clean', 'x');
    await expect(inspectLocal(s.ops, s.commit)).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringMatching(/filter\.a=b/) },
    });
  });

  it('refuses what it could not save, or must not touch', async () => {
    const s = await withRelease({ '.whalefall-ops/x': 'evil' });
    await expect(inspectLocal(s.ops, s.commit)).rejects.toMatchObject({
      what: { en: expect.stringMatching(/\.whalefall-ops/) },
    });
    const latin = Buffer.concat([Buffer.from(`${s.dir}/`), Buffer.from([0x61, 0xff])]);
    writeFileSync(latin, 'x');
    const head = s.git('rev-parse', 'HEAD');
    expect((await inspectLocal(s.ops, head)).none).toBe(true); // in nobody's way
    gitIn(s.dir, s.root, ['add', '-A']);
    await expect(inspectLocal(s.ops, head)).rejects.toMatchObject({ what: { en: expect.stringMatching(/a\\xff/) } });
  });

  it('has no answer without a commit', async () => {
    const s = scene();
    s.git('update-ref', '-d', 'HEAD');
    await expect(inspectLocal(s.ops, s.git('rev-parse', 'origin/main'))).rejects.toMatchObject({
      what: { en: expect.stringMatching(/no commit yet/) },
    });
  });
});

describe('saveLocal and resetTo', () => {
  it('keep everything, byte for byte, and change nothing before the reset', async () => {
    const names = ['new\nline', '"q"', '-dash', '鲸.py', ':(top)x', 'back\\slash', 'cr\r'];
    const s = await withRelease(
      { ...Object.fromEntries(names.map((n) => [n, 'theirs'])), dir: 'd', 'app.py': 'two\n' },
      {
        ...BASE,
        '.gitattributes': '* text=auto eol=lf\n',
      },
    );
    s.git('commit', '-q', '--allow-empty', '-m', 'Only here');
    const head = s.git('rev-parse', 'HEAD');
    s.git('config', 'commit.gpgSign', 'true');
    s.git('config', 'gpg.program', '/bin/false');
    for (const name of names) s.write(name, `mine\r\n${name}`);
    s.write('dir/deep/mine', 'x');
    s.write('app.py', 'mine\r\n');
    s.write('settings.py', 'staged\n');
    s.git('add', 'settings.py');
    s.write('settings.py', 'and changed again\n');
    chmodSync(s.at('run.sh'), 0o755);
    rmSync(s.at('old.py'));
    symlinkSync('/etc/passwd', s.at('old.py'));
    const before = state(s);

    const seen = await inspectLocal(s.ops, s.commit);
    const saved = await saveLocal(s.ops, seen, 'run1');
    expect(state(s)).toEqual(before);
    expect(readdirSync(s.ops.paths.run)).toEqual([]);
    const { ref = '' } = saved ?? {};
    expect(ref).toBe('refs/whalefall-ops/saved/run1');
    expect(s.git('rev-parse', ref, `${ref}^`).split('\n')).toEqual([saved?.commit, head]);

    await resetTo(s.ops, s.commit, seen, saved);
    expect(s.git('rev-parse', 'HEAD')).toBe(s.commit);
    expect(s.git('symbolic-ref', 'HEAD')).toBe('refs/heads/main');
    expect(s.git('status', '--porcelain')).toBe('');
    expect(readFileSync(s.at('dir'), 'utf8')).toBe('d');
    expect(s.journal.filter((e) => e.event === 'intent').length).toBeGreaterThan(3);

    for (const name of names) expect(inCommit(s, ref, name)).toEqual(['100644', `mine\r\n${name}`]);
    expect(inCommit(s, ref, 'dir/deep/mine')).toEqual(['100644', 'x']);
    expect(inCommit(s, ref, 'app.py')).toEqual(['100644', 'mine\r\n']);
    expect(inCommit(s, ref, 'settings.py')).toEqual(['100644', 'and changed again\n']);
    expect(inCommit(s, `${ref}-staged`, 'settings.py')).toEqual(['100644', 'staged\n']);
    expect(inCommit(s, ref, 'run.sh')).toEqual(['100755', '#!/bin/sh\n']);
    expect(inCommit(s, ref, 'old.py')).toEqual(['120000', '/etc/passwd']);
    // It outlives a collection of garbage, and the printed commands work.
    s.git('reflog', 'expire', '--expire=now', '--all');
    s.git('gc', '-q', '--prune=now');
    s.git('log', '--stat', '-5', ref);
    s.git('restore', `--source=${ref}`, '--', 'run.sh');
    expect(saved?.getBack).toEqual([
      `git -C ${s.dir} cherry-pick --no-commit ${ref}`,
      `git -C ${s.dir} restore --source=${ref} -- PATH`,
      `git -C ${s.dir} cherry-pick --no-commit ${ref}-staged`,
      `git -C ${s.dir} restore --source=${ref}-staged -- PATH`,
      `git -C ${s.dir} branch saved-run1 ${ref}`,
    ]);
    s.git('branch', 'saved-run1', ref);
  });

  it('need nothing where there is nothing, and then move the branch only', async () => {
    const s = await withRelease({ 'app.py': 'two\n', 'old.py': null });
    s.write('notes.txt', 'mine');
    const seen = await inspectLocal(s.ops, s.commit);
    expect(await saveLocal(s.ops, seen, 'r')).toBeUndefined();
    await resetTo(s.ops, s.commit, seen, undefined);
    expect([s.git('rev-parse', 'HEAD'), existsSync(s.at('old.py')), readFileSync(s.at('notes.txt'), 'utf8')]).toEqual([
      s.commit,
      false,
      'mine',
    ]);
  });

  it('keep commits alone by a ref on HEAD', async () => {
    const s = await withRelease({ 'app.py': 'two\n' });
    s.git('commit', '-q', '--allow-empty', '-m', 'Only here');
    const seen = await inspectLocal(s.ops, s.commit);
    const saved = await saveLocal(s.ops, seen, 'r');
    expect(saved).toMatchObject({
      commit: seen.head,
      getBack: [`git -C ${s.dir} branch saved-r refs/whalefall-ops/saved/r`],
    });
    await expect(saveLocal(s.ops, seen, 'r')).rejects.toMatchObject({ kind: 'command' }); // never over another
    await expect(resetTo(s.ops, s.commit, seen, undefined)).rejects.toMatchObject({
      what: { en: expect.stringMatching(/was changed/) },
    });
    await resetTo(s.ops, s.commit, seen, saved);
  });

  const meanwhile: [string, (s: Awaited<ReturnType<typeof withRelease>>) => void, RegExp][] = [
    ['a file saved again', (s) => s.write('app.py', 'later\n'), /changed during this run: app\.py/],
    ['another file', (s) => s.write('settings.py', 'later\n'), /changed during this run: settings\.py/],
    ['a file in the way', (s) => s.write('new.py', 'later\n'), /changed during this run: new\.py/],
    [
      'something else staged',
      (s) => {
        s.write('app.py', 'staged\n');
        s.git('add', 'app.py');
        s.write('app.py', 'mine\n');
      },
      /changed during this run: app\.py/,
    ],
    ['a commit', (s) => s.git('commit', '-q', '--allow-empty', '-m', 'x'), /commit changed during this run: from main/],
    ['another branch', (s) => s.git('checkout', '-q', '-b', 'topic'), /to topic/],
    ['a merge', (s) => writeFileSync(s.at('.git/MERGE_HEAD'), ''), /A merge is in progress/],
    ['another git', (s) => writeFileSync(s.at('.git/index.lock'), ''), /index\.lock/],
  ];
  it.each(meanwhile)('reset nothing after %s', async (_what, act, message) => {
    const s = await withRelease({ 'new.py': 'theirs' });
    s.write('app.py', 'mine\n');
    const seen = await inspectLocal(s.ops, s.commit);
    const saved = await saveLocal(s.ops, seen, 'r');
    act(s);
    const before = state(s);
    await expect(resetTo(s.ops, s.commit, seen, saved)).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringMatching(message) },
      state: { en: expect.stringContaining('was not reset') },
    });
    expect(state(s)).toEqual(before);
  });

  it('reset nothing when something appeared where nothing was', async () => {
    const s = await withRelease({ 'app.py': 'two\n' });
    const seen = await inspectLocal(s.ops, s.commit);
    s.write('app.py', 'staged\n');
    s.git('add', 'app.py');
    s.write('app.py', 'one\n'); // as HEAD has it; only the index differs
    await expect(resetTo(s.ops, s.commit, seen, undefined)).rejects.toMatchObject({
      what: { en: expect.stringMatching(/app\.py/) },
    });
  });

  it('don’t look behind a link', async () => {
    const s = await withRelease({ 'd/f': 'new' }, { ...BASE, 'd/f': 'old' });
    renameSync(s.at('d'), path.join(s.root, 'elsewhere'));
    writeFileSync(path.join(s.root, 'elsewhere/f'), 'outside');
    symlinkSync(path.join(s.root, 'elsewhere'), s.at('d'));
    const seen = await inspectLocal(s.ops, s.commit);
    const saved = await saveLocal(s.ops, seen, 'r');
    expect(inCommit(s, saved?.ref ?? '', 'd')).toEqual(['120000', path.join(s.root, 'elsewhere')]);
    await resetTo(s.ops, s.commit, seen, saved);
    expect([readFileSync(s.at('d/f'), 'utf8'), readFileSync(path.join(s.root, 'elsewhere/f'), 'utf8')]).toEqual([
      'new',
      'outside',
    ]);
  });

  it('refuse where a foreign repository is in the way', async () => {
    const s = await withRelease({ 'vendor/x': '1' });
    mkdirSync(s.at('vendor'));
    gitIn(s.at('vendor'), s.root, ['init', '-q']);
    gitIn(s.at('vendor'), s.root, ['commit', '-q', '--allow-empty', '-m', 'x']);
    const seen = await inspectLocal(s.ops, s.commit);
    await expect(saveLocal(s.ops, seen, 'r')).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringMatching(/vendor\//) },
    });
  });

  it('keep a release for ever', async () => {
    const s = await withRelease({ 'app.py': 'two\n' });
    await keepRelease(s.ops, s.commit, 'r1');
    await keepRelease(s.ops, s.commit, 'r1');
    s.git('update-ref', '-d', 'refs/remotes/origin/main');
    s.git('gc', '-q', '--prune=now');
    expect(s.git('cat-file', '-t', s.commit)).toBe('commit');
  });
});

describe('.env', () => {
  const SECRET = 'sentinel-7f3a9c-password';
  const everywhere = (s: Scene) => gitIn(s.dir, s.root, ['cat-file', '--batch', '--batch-all-objects']);

  it.each(['.env', '.env.production', 'conf/.env', '.env~'])(
    '%s never gets into git, nor is it overwritten',
    async (file) => {
      const s = await withRelease({ [file]: 'theirs', 'app.py': 'two\n' });
      s.write(file, SECRET);
      s.write('app.py', 'mine\n');
      const seen = await inspectLocal(s.ops, s.commit);
      expect(seen.colliding).toEqual([file]);
      await expect(saveLocal(s.ops, seen, 'r')).rejects.toMatchObject({
        kind: 'precondition',
        what: { en: expect.stringMatching(/overwrite this server/) },
      });
      await expect(resetTo(s.ops, s.commit, seen, undefined)).rejects.toMatchObject({ kind: 'precondition' });
      expect(everywhere(s)).not.toContain(SECRET);
      expect(readFileSync(s.at(file), 'utf8')).toBe(SECRET);
    },
  );

  it('is refused also when it is tracked and changed; env.example is not', async () => {
    const s = await withRelease({ 'app.py': 'two\n' }, { ...BASE, '.env': 'x', 'env.example': 'x' });
    s.write('env.example', 'mine');
    const example = await saveLocal(s.ops, await inspectLocal(s.ops, s.commit), 'r1');
    expect(inCommit(s, example?.ref ?? '', 'env.example')).toEqual(['100644', 'mine']);
    s.write('.env', SECRET);
    await expect(saveLocal(s.ops, await inspectLocal(s.ops, s.commit), 'r2')).rejects.toMatchObject({
      kind: 'precondition',
    });
    expect(everywhere(s)).not.toContain(SECRET);
  });

  it('is not deleted by a commit that no longer tracks it, and the advice works', async () => {
    const s = await withRelease({ '.env': null }, { ...BASE, '.env': 'PASSWORD=x' });
    await expect(inspectLocal(s.ops, s.commit)).rejects.toMatchObject({
      what: { en: expect.stringMatching(/delete this server’s \.env/) },
      next: [{ en: expect.stringContaining(`git -C ${s.dir} rm --cached .env`) }],
    });
    s.git('rm', '-q', '--cached', '.env');
    const seen = await inspectLocal(s.ops, s.commit);
    expect(seen.none).toBe(true);
    await resetTo(s.ops, s.commit, seen, undefined);
    expect(readFileSync(s.at('.env'), 'utf8')).toBe('PASSWORD=x');
  });
});
