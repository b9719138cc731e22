import { expect, it, vi } from 'vitest';
import { describeCommit, fetchSource } from '../../../../lib/domain/release/source.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';

const ID = 'c0ffee'.padEnd(40, '0');
const OLD = 'beef'.padEnd(40, '0');
const REMOTES =
  'origin\thttps://u:hunter22@git.example/app.git (fetch)\norigin\thttps://u:hunter22@git.example/app.git (push)\n';

const words = ({ argv }: Call) => argv.slice(argv.indexOf('-C') + 2);

/** git as it answers when all is well, but for what `special` says. */
const respond =
  (special: (line: string) => Reply | undefined = () => undefined) =>
  (call: Call): Reply | undefined => {
    const line = words(call).join(' ').replace('-c fetch.output=full ', '');
    const own = special(line);
    if (own) return own;
    if (line.startsWith('rev-parse --absolute-git-dir')) return { stdout: '/d/.git\ntrue\n\n.git/objects\n' };
    if (line.startsWith('config ')) return { exitCode: 1 };
    if (line === 'remote -v') return { stdout: REMOTES };
    if (line.startsWith('check-ref-format')) return {};
    if (line.startsWith('fetch ')) return {};
    if (line.startsWith('rev-parse --verify')) return { stdout: `${ID}\n` };
    if (line.startsWith('rev-parse --is-shallow')) return { stdout: 'false\n' };
    if (line.startsWith('for-each-ref')) return { stdout: '' };
    if (line.startsWith('log -1')) return { stdout: '2026-01-02T03:04:05+08:00\nSubject\n' };
    return undefined;
  };

const attempt = async (ref: string, special?: (line: string) => Reply | undefined) => {
  const ops = testOps(respond(special));
  const result = await fetchSource(ops, ref).then(
    (source) => ({ source, error: undefined }),
    (error: { kind: string; what: { en: string; zh: string }; next: { en: string }[]; state: { en: string } }) => ({
      source: undefined,
      error,
    }),
  );
  return { ...result, ops, lines: ops.scripted.calls.map((c) => words(c).join(' ')) };
};

it('fetches one branch of one remote, and reads what it got', async () => {
  const { source, lines, ops } = await attempt('origin/release/2026');
  expect(source).toEqual({
    ref: 'origin/release/2026',
    remote: 'origin',
    branch: 'release/2026',
    commit: ID,
    subject: 'Subject',
    committedAt: '2026-01-02T03:04:05+08:00',
    warnings: [],
  });
  expect(lines.filter((l) => l.includes('fetch --'))).toEqual([
    '-c fetch.output=full fetch --no-progress --no-prune --no-recurse-submodules --no-write-fetch-head --upload-pack=git-upload-pack --no-tags -- origin +refs/heads/release/2026:refs/remotes/origin/release/2026',
  ]);
  expect(ops.written).toEqual([]);
});

it('takes the longest remote that fits', async () => {
  const two = (line: string) =>
    line === 'remote -v' ? { stdout: 'a\t/x (fetch)\na/b\t/y (fetch) [blob:none]\n' } : undefined;
  expect((await attempt('a/b/main', two)).source).toMatchObject({ remote: 'a/b', branch: 'main' });
  expect((await attempt('a/main', two)).source).toMatchObject({ remote: 'a', branch: 'main' });
});

it.each<[string, string, (line: string) => Reply | undefined, RegExp, RegExp]>([
  [
    'a name that is none',
    'origin/a..b',
    (l) => (l.startsWith('check-ref') ? { exitCode: 1 } : undefined),
    /'a\.\.b' can't be the name/,
    /origin\/main/,
  ],
  [
    'a branch that isn’t there',
    'origin/main',
    (l) => {
      if (l.startsWith('fetch')) return { exitCode: 128, stderr: "fatal: couldn't find remote ref refs/heads/main" };
      return l.startsWith('ls-remote') ? { stdout: `${ID}\trefs/heads/z\n${ID}\trefs/heads/master\n` } : undefined;
    },
    /origin \(https:\/\/git\.example\/app\.git\) has no branch 'main'/,
    /It has: master, z$/,
  ],
  [
    'a remote without branches',
    'origin/main',
    (l) => {
      if (l.startsWith('fetch')) return { exitCode: 128, stderr: "fatal: couldn't find remote ref refs/heads/main" };
      return l.startsWith('ls-remote') ? { stdout: '' } : undefined;
    },
    /has no branch/,
    /no branches at all/,
  ],
  [
    'a remote that goes away in between',
    'origin/main',
    (l) => {
      if (l.startsWith('fetch')) return { exitCode: 128, stderr: "fatal: couldn't find remote ref refs/heads/main" };
      return l.startsWith('ls-remote') ? { exitCode: 128, stderr: 'fatal: gone' } : undefined;
    },
    /Nothing could be fetched from origin .*fatal: gone/,
    /remote -v/,
  ],
  [
    'no access',
    'origin/main',
    (l) =>
      l.startsWith('fetch')
        ? { exitCode: 128, stderr: "fatal: Authentication failed for 'https://u:hunter22@git.example'" }
        : undefined,
    /Nothing could be fetched .*Authentication failed/,
    /remote -v[\s\S]*fetch origin/,
  ],
  [
    'a name that means nothing',
    'upstream/main',
    (l) =>
      l.startsWith('rev-parse --verify') ? { exitCode: 128, stderr: 'fatal: Needed a single revision' } : undefined,
    /'upstream\/main' is neither/,
    /Remotes: origin \(https:\/\/git\.example\/app\.git\)/,
  ],
  [
    'an ambiguous short id',
    'c0ff',
    (l) =>
      l.startsWith('rev-parse --verify')
        ? {
            exitCode: 128,
            stderr:
              'error: short object ID c0ff is ambiguous\nhint: The candidates are:\nhint:   c0ffee0 commit 2026-01-01 - a\nhint:   c0ff111 tag 2026 - v1\n',
          }
        : undefined,
    /'c0ff' is ambiguous/,
    /c0ffee0 commit 2026-01-01 - a\nc0ff111 tag/,
  ],
  [
    'a name that is a tag and a branch',
    'v1',
    (l) => {
      if (l.startsWith('for-each-ref')) return { stdout: 'refs/heads/v1\nrefs/heads/v1/sub\nrefs/tags/v1\n' };
      return l.includes('refs/heads/v1^') ? { stdout: `${OLD}\n` } : undefined;
    },
    /'v1' is ambiguous/,
    /refs\/tags\/v1 {2}c0ffee0000\nrefs\/heads\/v1 {2}beef000000/,
  ],
  [
    'a tag that is another on the remote',
    'v1',
    (l) =>
      l.startsWith('fetch')
        ? { exitCode: 1, stderr: ' ! [rejected]  v1  -> v1  (would clobber existing tag)\n' }
        : undefined,
    /tag 'v1' is another commit here/,
    /fetch --force origin tag v1/,
  ],
])('refuses %s', async (_what, ref, special, what, next) => {
  const { error } = await attempt(ref, special);
  expect(error).toMatchObject({ kind: 'precondition', state: { en: expect.stringContaining('Nothing was changed') } });
  expect(error?.what.en).toMatch(what);
  expect(error?.what.zh).toMatch(/\p{Script=Han}/u);
  expect(error?.next.map((n) => n.en).join('\n')).toMatch(next);
  expect(JSON.stringify(error) + String(error?.what.en)).not.toContain('hunter22');
});

it('keeps tokens of addresses out of what git says', async () => {
  for (const [url, token] of [
    ['https://ghp_token1@h/a', 'ghp_token1'],
    ['https://h/a?key=token2', 'key=token2'],
    ['https://u:p%40token3@h/a', 'p@token3'],
  ]) {
    const { error } = await attempt('origin/main', (l) => {
      if (l === 'remote -v') return { stdout: `origin\t${url} (fetch)\n` };
      return l.startsWith('fetch') ? { exitCode: 128, stderr: `fatal: ${url} and ${token}` } : undefined;
    });
    expect(error?.what.en).toContain('[secret]');
    expect(error?.what.en).not.toContain(token);
  }
  // The user of an ssh address is no secret.
  const { error } = await attempt('origin/main', (l) => {
    if (l === 'remote -v') return { stdout: 'origin\tssh://deploy@h/a (fetch)\n' };
    return l.startsWith('fetch') ? { exitCode: 128, stderr: 'deploy@h: Permission denied' } : undefined;
  });
  expect(error?.what.en).toContain('deploy@h: Permission denied');
});

it('gives up on a remote that never answers', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const ops = testOps(respond((l) => (l.startsWith('fetch') ? { hangs: true } : undefined)));
    const result = fetchSource(ops, 'origin/main').catch((e: unknown) => e);
    while (!ops.scripted.calls.some((c) => c.argv.includes('fetch'))) await vi.advanceTimersByTimeAsync(0);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(ops.scripted.signals).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await result).toMatchObject({
      kind: 'deadline',
      what: { en: expect.stringContaining('within 60 s'), zh: expect.stringContaining('60 秒') },
      state: { en: expect.stringContaining('Nothing was changed') },
    });
  } finally {
    vi.useRealTimers();
  }
});

it('asks every remote for a name of its own, and warns of those that are down', async () => {
  const { source, lines } = await attempt('v1', (l) => {
    if (l === 'remote -v') return { stdout: 'a\t/x (fetch)\nb\t/y (fetch)\n' };
    if (l.startsWith('fetch') && l.includes('-- a ')) return { exitCode: 128, stderr: 'fatal: down' };
    return l.startsWith('for-each-ref') ? { stdout: 'refs/tags/v1\n' } : undefined;
  });
  expect(source).toMatchObject({ commit: ID, remote: undefined, branch: undefined });
  expect(source?.warnings.map((w) => w.en)).toEqual([expect.stringContaining('fetched from a (/x): fatal: down')]);
  expect(lines.filter((l) => l.includes('--tags -- ')).map((l) => l.split(' -- ')[1])).toEqual([
    'a +refs/heads/*:refs/remotes/a/*',
    'b +refs/heads/*:refs/remotes/b/*',
  ]);
});

it('says why the remote failed rather than that the name is unknown', async () => {
  const { error } = await attempt('v1', (l) => {
    if (l.startsWith('fetch')) return { exitCode: 128, stderr: 'fatal: down' };
    return l.startsWith('rev-parse --verify') ? { exitCode: 128 } : undefined;
  });
  expect(error?.what.en).toContain('fatal: down');
});

it('takes another tag that differs on the remote for nothing', async () => {
  const special = (stderr: string) => (l: string) => {
    if (l.startsWith('fetch')) return { exitCode: 1, stderr };
    return l.startsWith('for-each-ref') ? { stdout: 'refs/tags/v1\n' } : undefined;
  };
  const rejected = ' ! [rejected]  v0  -> v0  (would clobber existing tag)\n';
  expect((await attempt('v1', special(rejected))).source?.warnings).toEqual([]);
  expect((await attempt('v1', special(`${rejected}error: cannot lock ref`))).source?.warnings).toHaveLength(1);
});

it('asks nobody for a full id that is here', async () => {
  const { source, lines } = await attempt(ID);
  expect(source?.commit).toBe(ID);
  expect(lines.some((l) => l.includes('fetch --'))).toBe(false);
});

it('says that a clone is shallow where a name is unknown', async () => {
  const { error } = await attempt('v1', (l) => {
    if (l.startsWith('rev-parse --is-shallow')) return { stdout: 'true\n' };
    return l.startsWith('rev-parse --verify') ? { exitCode: 128 } : undefined;
  });
  expect(error?.next.map((n) => n.en).join()).toContain('fetch --unshallow origin');
});

it('stops at once when the run is stopped', async () => {
  const ops = testOps(respond(), { signal: AbortSignal.abort(new Error('stopped')) });
  await expect(fetchSource(ops, 'v1')).rejects.toThrow('stopped');
});

it('knows what is not here from what is damaged, and asks again for what was not here', async () => {
  // As git 2.39 says them.
  const damaged = `error: unable to unpack ${OLD} header\nfatal: loose object ${OLD} (stored in .git/objects/be/ef) is corrupt\n`;
  const said = [`fatal: bad object ${OLD}\n`, damaged];
  const ops = testOps(respond(() => ({ exitCode: 128, stderr: said.shift() ?? '' })));
  expect(await describeCommit(ops, OLD)).toBeUndefined();
  await expect(describeCommit(ops, OLD)).rejects.toThrow('is corrupt');
  expect(said).toEqual([]);
});
