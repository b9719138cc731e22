import { expect, it } from 'vitest';
import { read, run } from '../../../../lib/core/run.ts';
import { inspectCheckout } from '../../../../lib/tools/git/checkout.ts';
import { withoutLocalFilters } from '../../../../lib/tools/git/filters.ts';
import {
  checkRefName,
  commitId,
  fetch,
  git,
  gitChange,
  remoteHeads,
  updateRef,
} from '../../../../lib/tools/git/git.ts';
import { refuseForeignPrograms } from '../../../../lib/tools/git/programs.ts';
import { openRepository } from '../../../../lib/tools/git/repository.ts';
import { testOps } from '../../../support/ops.ts';

const DIR = '/opt/whalefall';
const ID = 'c0ffee'.padEnd(40, '0');
const after = (argv: readonly string[]) => argv.slice(argv.indexOf('-C') + 2).join(' ');

it('runs git in a directory, with nothing of the repository’s configuration that runs programs', () => {
  const { argv, effect } = git(DIR, ['status']);
  expect(effect).toBe('read');
  expect(gitChange(DIR, ['gc'])).toMatchObject({ effect: 'change', argv: [...argv.slice(0, -1), 'gc'] });
  const line = argv.join(' ');
  for (const part of [
    '--no-optional-locks',
    '--no-replace-objects',
    '--literal-pathspecs',
    '-c core.fsmonitor=false',
    '-c core.hooksPath=/dev/null',
    '-c gc.auto=0',
    '-c maintenance.auto=false',
    '-c log.showSignature=false',
    '-c submodule.recurse=false',
    `-C ${DIR} status`,
  ]) {
    expect(line).toContain(part);
  }
});

it('fetches one refspec, as something that only looks and may be interrupted', () => {
  const command = fetch(DIR, '-x', '+refs/heads/a:refs/remotes/-x/a', { deadlineMs: 5, tags: false });
  expect(after(command.argv)).toBe(
    '-c fetch.output=full fetch --no-progress --no-prune --no-recurse-submodules --no-write-fetch-head --upload-pack=git-upload-pack --no-tags -- -x +refs/heads/a:refs/remotes/-x/a',
  );
  expect(command).toMatchObject({ effect: 'read', deadlineMs: 5 });
  expect(command.interruptible).toBeUndefined(); // the default of a read
  const all = fetch(DIR, 'o', 'x', { deadlineMs: 5, tags: true }).argv;
  expect([all.includes('--tags'), all.includes('--no-tags'), all.includes('--force')]).toEqual([true, false, false]);
});

it('never lets a name be taken for an option', () => {
  expect(after(remoteHeads(DIR, '--upload-pack=x', 5).argv)).toBe(
    'ls-remote --upload-pack=git-upload-pack --heads -- --upload-pack=x',
  );
  expect(after(commitId(DIR, '--output=x').argv)).toBe('rev-parse --verify --end-of-options --output=x^{commit}');
  expect(after(checkRefName(DIR, 'refs/heads/-x').argv)).toBe('check-ref-format refs/heads/-x');
  expect(after(updateRef(DIR, 'refs/x', ID, false).argv)).toBe(`update-ref -- refs/x ${ID}`);
  expect(after(updateRef(DIR, 'refs/x', ID, true).argv)).toBe(`update-ref -- refs/x ${ID} ${'0'.repeat(40)}`);
});

it('gives bytes as they are when asked', async () => {
  const ops = testOps(() => ({ stdout: [Buffer.from([0x61, 0xff, 0xe9])] }));
  expect((await run(ops, read(['cat'], { decodeAs: 'latin1' }))).stdout).toBe('a\xff\xe9');
});

it('still tells what would be built', async () => {
  const ops = testOps(({ argv }) =>
    argv.includes('log') ? { stdout: `${ID}\nA release\n` } : { stdout: ' M a.py\0' },
  );
  expect(await inspectCheckout(ops, DIR)).toEqual({ commit: ID, subject: 'A release', changed: [' M a.py'] });
});

const answered = (reply: { stdout?: string; stderr?: string; exitCode?: number }) => testOps(() => reply);

it('opens the repository whose top is the deploy directory', async () => {
  const ops = answered({ stdout: '/opt/whalefall/.git\ntrue\n\n.git/objects\n' });
  expect(await openRepository(ops)).toEqual({
    gitDir: '/opt/whalefall/.git',
    objects: `${ops.target.dir}/.git/objects`,
  });
});

it.each([
  [
    'no repository',
    { exitCode: 128, stderr: 'fatal: not a git repository (or any parent)' },
    'is not a git repository',
  ],
  [
    'another owner',
    {
      exitCode: 128,
      stderr:
        "fatal: detected dubious ownership in repository at '/x'\n\n\tgit config --global --add safe.directory '/x y'",
    },
    'belongs to another user',
  ],
  [
    'another owner, older git',
    { exitCode: 128, stderr: "fatal: unsafe repository ('/x' is owned by someone else)" },
    'belongs to another user',
  ],
  ['something else', { exitCode: 128, stderr: 'fatal: bad config line 1 \x1b[31m' }, 'bad config line 1 \\x1b[31m'],
  ['a directory inside', { stdout: '/opt/.git\ntrue\n../\n.git/objects\n' }, 'is not the top'],
  ['a bare one', { stdout: '/opt/x.git\nfalse\n\nobjects\n' }, 'is not the top'],
])('refuses %s', async (_what, reply, what) => {
  const error = await openRepository(answered(reply)).catch((e: unknown) => e);
  expect(error).toMatchObject({
    kind: 'precondition',
    what: { en: expect.stringContaining(what) },
    state: { en: expect.stringContaining('Nothing was changed') },
  });
});

it('passes on git’s own advice about the owner, or makes it up', async () => {
  const next = async (stderr: string) => {
    const ops = answered({ exitCode: 128, stderr });
    const error = (await openRepository(ops).catch((e: unknown) => e)) as { next: { en: string }[] };
    return error.next
      .map((n) => n.en)
      .join('\n')
      .replaceAll(ops.target.dir, 'DIR');
  };
  expect(await next("dubious ownership\n\tgit config --global --add safe.directory '/x y'\n")).toContain(
    "safe.directory '/x y'",
  );
  expect(await next('unsafe repository')).toContain('git config --global --add safe.directory DIR');
});

it('is no repository’s fault when git is missing', async () => {
  await expect(openRepository(answered({ exitCode: 127, stderr: 'spawn git ENOENT' }))).rejects.toMatchObject({
    kind: 'command',
  });
});

it('switches off the filters of the repository’s own configuration only', async () => {
  const settings = [
    ['local', 'file:.git/config', 'filter.evil.clean'],
    ['local', 'file:.git/config', 'filter.evil.smudge'],
    ['global', 'file:/root/.gitconfig', 'filter.lfs.process'],
    ['worktree', 'file:.git/config.worktree', 'filter.w x.y.clean'],
  ];
  const ops = answered({ stdout: settings.map((words) => `${words.join('\0')}\0`).join('') });
  const off = (name: string) => [
    `-c filter.${name}.clean=`,
    `-c filter.${name}.smudge=`,
    `-c filter.${name}.process=`,
    `-c filter.${name}.required=false`,
  ];
  expect((await withoutLocalFilters(ops, DIR)).join(' ')).toBe([...off('evil'), ...off('w x.y')].join(' '));
  expect(await withoutLocalFilters(answered({ exitCode: 1 }), DIR)).toEqual([]);
});

it.each<[string, string, boolean]>([
  ['core.sshcommand', 'ssh -i ~/.ssh/deploy_key -o IdentitiesOnly=yes -p 2222', true],
  ['core.sshcommand', 'ssh -i "/root/.ssh/id_ed25519"', true],
  ['core.sshcommand', 'ssh -o ProxyCommand=evil', false],
  ['core.sshcommand', 'ssh -F /tmp/config', false],
  ['core.sshcommand', 'ssh -i x; evil', false],
  ['core.sshcommand', 'ssh -i $(evil)', false],
  ['core.sshcommand', 'ssh\nevil', false],
  ['core.sshcommand', '/tmp/ssh', false],
  ['core.sshcommand', '', false],
  ['credential.helper', 'store', true],
  ['credential.helper', '', true],
  ['credential.https://git.example/.helper', 'cache --timeout=3600', true],
  ['credential.helper', '!evil', false],
  ['credential.helper', '/tmp/evil', false],
  ['credential.https://x/.helper', 'store; evil', false],
  ['core.gitproxy', 'none', true],
  ['core.gitproxy', 'evil', false],
  ['core.askpass', 'evil', false],
  ['core.alternaterefscommand', 'evil', false],
  ['remote.origin.vcs', 'ext', false],
  ['hook.x.command', 'evil', false],
  ['remote.origin.url', 'ext::sh -c evil', true], // by GIT_ALLOW_PROTOCOL
])('lets the repository’s own configuration choose no program: %s=%s', async (name, value, harmless) => {
  const own = `local\0file:.git/../more\0${name}\n${value}\0`;
  const stdout = `global\0file:/root/.gitconfig\0core.sshcommand\nevil\0${own}`;
  const yes = refuseForeignPrograms(answered({ stdout }), DIR);
  if (harmless) await expect(yes).resolves.toBeUndefined();
  else {
    await expect(yes).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringMatching(`${name}$`) },
      next: expect.arrayContaining([
        { en: expect.stringContaining(`--file .git/../more --unset-all ${name}`), zh: expect.anything() },
      ]),
    });
  }
});

it('refuses a filter whose name can’t be an option', async () => {
  await expect(
    withoutLocalFilters(answered({ stdout: 'local\0file:.git/config\0filter.a=b.clean\nx\0' }), DIR),
  ).rejects.toMatchObject({
    kind: 'precondition',
    what: { en: expect.stringContaining('filter.a=b') },
  });
});
