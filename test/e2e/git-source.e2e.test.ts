import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { childEnv, createShell } from '../../lib/core/shell.ts';
import { printable } from '../../lib/core/text.ts';
import { fetchSource } from '../../lib/domain/release/source.ts';
import { archiveCommit } from '../../lib/tools/git/archive.ts';
import { showFile, treeOf } from '../../lib/tools/git/tree.ts';
import { gitIn, type Scene, scene, silentServer } from './git.repos.ts';

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('it did not fail'),
    (error: { what: { en: string }; next: { en: string }[]; kind: string; state?: { en: string } }) => ({
      kind: error.kind,
      state: error.state?.en,
      what: error.what.en,
      next: error.next.map((n) => n.en).join('\n'),
    }),
  );

/** Everything a fetch must leave alone. */
const person = (s: Scene) => [
  readFileSync(path.join(s.dir, '.git/config'), 'utf8'),
  readFileSync(path.join(s.dir, '.git/index')).toString('latin1'),
  readFileSync(path.join(s.dir, '.git/HEAD'), 'utf8'),
  s.git('for-each-ref', 'refs/heads'),
  existsSync(path.join(s.dir, '.git/FETCH_HEAD')),
];

describe('fetchSource', () => {
  it('brings exactly the branch that was asked for, and leaves the person’s things alone', async () => {
    const s = scene();
    const before = person(s);
    s.release({ 'a.py': '1' }, 'Other', 'other');
    const commit = s.release({ 'app.py': 'two\n' }, '标题 \x1b[31mred');
    expect(await fetchSource(s.ops, 'origin/main')).toEqual({
      ref: 'origin/main',
      remote: 'origin',
      branch: 'main',
      commit,
      subject: '标题 \x1b[31mred',
      committedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*[+Z]/),
      warnings: [],
    });
    expect(printable('标题 \x1b[31mred')).not.toContain('\x1b');
    expect(person(s)).toEqual(before);
    expect(s.git('for-each-ref', '--format=%(refname)', 'refs/remotes')).not.toContain('other');
    expect(s.journal).toEqual([]);
  });

  it('follows a rewritten branch', async () => {
    const s = scene();
    const desk = path.join(s.root, 'desk');
    gitIn(desk, s.root, ['commit', '-q', '--amend', '-m', 'Rewritten']);
    gitIn(desk, s.root, ['push', '-q', '-f', 'origin', 'HEAD:main']);
    expect((await fetchSource(s.ops, 'origin/main')).subject).toBe('Rewritten');
  });

  it('takes names that look like options for names', async () => {
    const s = scene();
    const name = '--upload-pack=x';
    const commit = gitIn(s.origin, s.root, ['rev-parse', 'main']).trim();
    gitIn(s.origin, s.root, ['update-ref', `refs/heads/${name}`, commit]);
    expect(await fetchSource(s.ops, `origin/${name}`)).toMatchObject({ commit, branch: name });
    expect(await fetchSource(s.ops, name)).toMatchObject({ commit, remote: 'origin', branch: name });
    expect(await failure(fetchSource(s.ops, '--output=/tmp/x'))).toMatchObject({ kind: 'precondition' });
    const odd = await failure(fetchSource(s.ops, 'origin/main:refs/heads/evil'));
    expect(odd).toMatchObject({ kind: 'precondition', what: expect.stringContaining("can't be the name of a branch") });
    expect(await failure(fetchSource(s.ops, 'origin/*'))).toMatchObject({
      what: expect.stringContaining('name of a branch'),
    });
  });

  it('works in a shallow clone with a detached HEAD', async () => {
    const s = scene();
    const old = s.release({ 'app.py': 'two\n' });
    const dir = path.join(s.root, 'shallow');
    s.release({ 'app.py': 'three\n' });
    gitIn(s.root, s.root, ['clone', '-q', '--depth=1', `file://${s.origin}`, dir]);
    gitIn(dir, s.root, ['checkout', '-q', '--detach']);
    const ops = { ...s.ops, target: { ...s.ops.target, dir } };
    const commit = s.release({ 'app.py': 'four\n' });
    expect(await fetchSource(ops, 'origin/main')).toMatchObject({ commit });
    expect((await failure(fetchSource(ops, old.slice(0, 12)))).next).toContain('fetch --unshallow origin');
  });

  it.each([
    ['a tag', 'v1'],
    ['a branch of the remote', 'topic'],
    ['a full id', 'id'],
    ['a short id', 'short'],
  ])('finds %s', async (_what, ref) => {
    const s = scene();
    const commit = s.release({ 'app.py': 'two\n' }, 'Topic', 'topic');
    gitIn(s.origin, s.root, ['-c', 'user.name=a', '-c', 'user.email=a', 'tag', '-a', '-m', 'v1', 'v1', commit]);
    const asked = ref === 'id' ? commit : ref === 'short' ? commit.slice(0, 12) : ref;
    const remote = ref === 'topic' ? 'origin' : undefined;
    expect(await fetchSource(s.ops, asked)).toMatchObject({ ref: asked, commit, remote, warnings: [] });
  });

  it('prefers nobody where the same name means two commits', async () => {
    const s = scene();
    const fresh = s.release({ 'app.py': 'two\n' });
    const both = await failure(fetchSource(s.ops, 'main'));
    expect(both.what).toBe("'main' is ambiguous.");
    expect(both.next).toContain(`origin/main  ${fresh.slice(0, 10)}`);
    s.git('merge', '-q', '--ff-only', 'origin/main');
    expect(await fetchSource(s.ops, 'main')).toMatchObject({ commit: fresh, remote: 'origin', branch: 'main' });
  });

  it('refuses a tag that is another one on the remote, and no other', async () => {
    const s = scene();
    s.git('tag', 'v1');
    s.git('tag', 'v2');
    const moved = s.release({ 'app.py': 'two\n' });
    gitIn(s.origin, s.root, ['tag', 'v1', moved]);
    gitIn(s.origin, s.root, ['tag', 'v2', `${moved}~1`]);
    expect(await failure(fetchSource(s.ops, 'v1'))).toMatchObject({
      what: expect.stringContaining('is another commit here'),
    });
    expect(await fetchSource(s.ops, 'v2')).toMatchObject({ subject: 'First', warnings: [] });
  });

  it('lists what a short id could mean', async () => {
    const s = scene();
    // Two commits whose ids begin alike, found by trying.
    const commit = (n: number) => `tree ${tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n${n}\n`;
    const tree = s.git('rev-parse', 'HEAD^{tree}');
    const seen = new Map<string, number>();
    let prefix = '';
    for (let n = 0; prefix === ''; n++) {
      const body = commit(n);
      const start = createHash('sha1').update(`commit ${body.length}\0${body}`).digest('hex').slice(0, 4);
      const twin = seen.get(start);
      seen.set(start, n);
      if (twin === undefined) continue;
      prefix = start;
      for (const one of [n, twin]) gitIn(s.dir, s.root, ['hash-object', '-t', 'commit', '-w', '--stdin'], commit(one));
    }
    const error = await failure(fetchSource(s.ops, prefix));
    expect(error.what).toBe(`'${prefix}' is ambiguous.`);
    expect(error.next.match(new RegExp(`^${prefix}\\w+ commit`, 'gm'))).toHaveLength(2);
  });

  it('says which branches there are', async () => {
    const s = scene();
    for (let n = 10; n < 35; n++) gitIn(s.origin, s.root, ['branch', `b${n}`, 'main']);
    const many = await failure(fetchSource(s.ops, 'origin/missing'));
    expect(many).toMatchObject({ kind: 'precondition', state: expect.stringContaining('Nothing was changed') });
    expect(many.what).toContain("has no branch 'missing'");
    expect(many.next).toMatch(/It has: b10, b11, .*b29, … \(26\)/);
  });

  it('says that it is master here', async () => {
    const s = scene();
    gitIn(s.origin, s.root, ['branch', '-m', 'main', 'master']);
    expect((await failure(fetchSource(s.ops, 'origin/main'))).next).toBe('It has: master');
  });

  it('says which remotes there are, without their passwords', async () => {
    const s = scene();
    s.git('remote', 'set-url', 'origin', 'https://user:hunter2secret@127.0.0.1:1/app.git?token=abcdef');
    const unknown = await failure(fetchSource(s.ops, 'upstream/main'));
    const down = await failure(fetchSource(s.ops, 'origin/main'));
    expect(down).toMatchObject({
      kind: 'precondition',
      what: expect.stringContaining('Nothing could be fetched from origin'),
    });
    expect(down.next).toContain('remote -v');
    expect(JSON.stringify([unknown, down])).not.toMatch(/hunter2|abcdef/);
    s.git('remote', 'remove', 'origin');
    s.git('remote', 'add', 'mirror', s.origin);
    const next = (await failure(fetchSource(s.ops, 'upstream/main'))).next;
    expect(next).toContain(`Remotes: mirror (${s.origin})`);
  });

  it('goes on with a warning when the remote is down and the ref is known', async () => {
    const s = scene();
    s.git('tag', 'v1');
    s.git('remote', 'set-url', 'origin', path.join(s.root, 'gone'));
    const source = await fetchSource(s.ops, 'v1');
    expect(source.warnings.map((w) => w.en).join()).toContain('Nothing could be fetched from origin');
    // A full id can't have changed, so nobody is asked.
    expect((await fetchSource(s.ops, source.commit)).warnings).toEqual([]);
    expect(await failure(fetchSource(s.ops, 'v2'))).toMatchObject({
      what: expect.stringContaining('Nothing could be fetched'),
    });
  });

  it.each(['origin/main', 'v1'])('gives up on a remote that never answers (%s)', async (ref) => {
    const s = scene();
    s.git('remote', 'set-url', 'origin', `git://127.0.0.1:${await silentServer()}/app.git`);
    const started = performance.now();
    expect(await failure(fetchSource(s.ops, ref, 700))).toMatchObject({
      kind: 'deadline',
      what: expect.stringMatching(/origin \(git:\/\/127.*did not send everything within 0\.7 s/),
      next: expect.stringContaining('never answer'),
    });
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  it('explains a directory that is no repository, or not its top, or bare', async () => {
    const s = scene({ 'sub/app.py': 'x' });
    const at = (dir: string) => failure(fetchSource({ ...s.ops, target: { ...s.ops.target, dir } }, 'origin/main'));
    expect((await at(s.root)).what).toContain('is not a git repository');
    expect((await at(path.join(s.root, 'nowhere'))).what).toContain('No such file');
    expect((await at(path.join(s.dir, 'sub'))).what).toContain('is not the top');
    expect((await at(s.origin)).what).toContain('is not the top');
  });

  it.skipIf(process.getuid?.() !== 0)('names owner and command when the directory is another user’s', async () => {
    const s = scene();
    for (const p of [s.dir, path.join(s.dir, '.git')]) chownSync(p, 12345, 12345);
    const error = await failure(fetchSource(s.ops, 'origin/main'));
    expect(error.what).toContain('belongs to another user (uid 12345)');
    // That user's own sudo is as good as the user.
    const env = { ...s.ops.env, ...childEnv({ SUDO_UID: '12345' }) };
    expect((await fetchSource({ ...s.ops, env, $: createShell({ env, spawn }) }, 'origin/main')).branch).toBe('main');
    const command = /git config --global --add safe\.directory .*/.exec(error.next)?.[0] ?? '';
    execFileSync('bash', ['-c', command], { env: { PATH: process.env.PATH, HOME: path.join(s.root, 'home') } });
    expect((await fetchSource(s.ops, 'origin/main')).branch).toBe('main');
  });
});

const ODD = [
  'new\nline',
  '"quoted"',
  '-dash',
  '--help',
  'sp ace',
  '鲸落.py',
  'tab\tx',
  ':(top)x',
  'back\\slash',
  '*',
  '\ufffd',
];

describe('the content of a commit', () => {
  it('knows every file by its exact name', async () => {
    const s = scene(Object.fromEntries(ODD.map((name) => [name, name])));
    const commit = s.git('rev-parse', 'HEAD');
    const tree = await treeOf(s.ops, commit);
    expect([...tree.keys()].sort()).toEqual([...ODD].sort());
    for (const name of ODD) expect(await showFile(s.ops, commit, name)).toBe(name);
    expect(await showFile(s.ops, commit, 'absent')).toBeUndefined();
  });

  it('knows modes, old ones too', async () => {
    const s = scene();
    const blob = s.git('rev-parse', 'HEAD:app.py');
    const lines = [`100664 blob ${blob}\told`, `100755 blob ${blob}\trun`, `120000 blob ${blob}\tlink`, ''].join('\n');
    const tree = gitIn(s.dir, s.root, ['mktree'], lines).trim();
    const modes = [...(await treeOf(s.ops, tree))].map(([file, { mode }]) => [file, mode]);
    expect(modes).toEqual([
      ['link', '120000'],
      ['old', '100644'],
      ['run', '100755'],
    ]);
    expect(await showFile(s.ops, tree, 'link')).toBeUndefined();
  });

  it('refuses names that are not UTF-8, and submodules, and names them', async () => {
    const s = scene();
    const { git } = s;
    const blob = git('rev-parse', 'HEAD:app.py');
    const latin = gitIn(s.dir, s.root, ['mktree', '-z'], `100644 blob ${blob}\tcaf\xe9\0`).trim();
    expect((await failure(treeOf(s.ops, latin))).what).toContain('caf\\xe9');
    const sub = gitIn(s.dir, s.root, ['mktree'], `160000 commit ${git('rev-parse', 'HEAD')}\tvendor\n`).trim();
    expect(await failure(treeOf(s.ops, sub))).toMatchObject({
      kind: 'precondition',
      what: expect.stringContaining('vendor'),
    });
  });

  it('is archived byte for byte, whatever the attributes say, and no filter runs', async () => {
    const s = scene();
    const ran = path.join(s.root, 'ran');
    const files = {
      '.gitattributes':
        '* text eol=crlf\nsecret.txt export-ignore\n*.s export-subst ident\n*.f filter=evil\n*.u working-tree-encoding=UTF-16LE\n[attr]mac export-ignore filter=evil\nmacro mac\ndir export-ignore\n',
      'secret.txt': 'a\nb\n',
      'x.s': '$Format:%H$ $Id$\n',
      'y.f': 'f\n',
      'z.u': 'u\n',
      macro: 'm\n',
      'dir/.gitattributes': '* export-subst filter=evil\n',
      'dir/q': '$Format:%H$\n',
      '鲸\n"': 'odd\n',
    };
    // Stored as they are: the index is filled without any conversion.
    const lines = Object.entries(files).map(([name, text]) => {
      const blob = gitIn(s.dir, s.root, ['hash-object', '-w', '--stdin', '--no-filters'], text).trim();
      return `100644 ${blob}\t${Buffer.from(name).toString('latin1')}\0`;
    });
    gitIn(s.dir, s.root, ['update-index', '-z', '--index-info'], lines.join(''));
    const commit = gitIn(s.dir, s.root, ['commit-tree', s.git('write-tree'), '-m', 'x']).trim();
    for (const scope of ['--local', '--global']) {
      gitIn(s.dir, path.join(s.root, 'home'), ['config', scope, 'filter.evil.smudge', `touch ${ran}; cat`]);
      gitIn(s.dir, path.join(s.root, 'home'), ['config', scope, 'core.autocrlf', 'true']);
    }
    const file = path.join(s.root, 'app.tar');
    await archiveCommit(s.ops, commit, file);
    const out = path.join(s.root, 'out');
    mkdirSync(out);
    execFileSync('tar', ['-xf', file, '-C', out]);
    const unpacked = Object.keys(files).map((name) => [name, readFileSync(path.join(out, name), 'utf8')]);
    expect(Object.fromEntries(unpacked)).toEqual(files);
    expect(readdirSync(out)).toContain('app.py');
    expect(statSync(path.join(out, 'y.f')).mode & 0o777).toBe(0o644);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(ran)).toBe(false);
    // Would it have run otherwise?
    gitIn(s.dir, path.join(s.root, 'home'), ['archive', '-o', path.join(s.root, 'plain.tar'), commit]);
    expect(existsSync(ran)).toBe(true);
  });

  it('leaves no archive behind when it fails', async () => {
    const s = scene();
    const commit = s.release({ 'big.bin': 'x'.repeat(50_000), 'aa.txt': 'a' });
    await fetchSource(s.ops, 'origin/main');
    const blob = s.git('rev-parse', `${commit}:big.bin`);
    rmSync(path.join(s.dir, '.git/objects', blob.slice(0, 2), blob.slice(2))); // few objects are fetched loose
    const file = path.join(s.root, 'app.tar');
    const before = readdirSync(s.root);
    expect(await failure(archiveCommit(s.ops, commit, file))).toMatchObject({ kind: 'command' });
    expect(readdirSync(s.root)).toEqual(before);
  });
});
