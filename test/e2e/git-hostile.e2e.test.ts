import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { childEnv, createShell } from '../../lib/core/shell.ts';
import { inspectLocal } from '../../lib/domain/release/local-changes.ts';
import { resetTo, saveLocal } from '../../lib/domain/release/save-local.ts';
import { fetchSource } from '../../lib/domain/release/source.ts';
import { resolveStack } from '../../lib/domain/stack/compose-config.ts';
import { archiveCommit } from '../../lib/tools/git/archive.ts';
import { inspectCheckout } from '../../lib/tools/git/checkout.ts';
import { type Scene, scene } from './git.repos.ts';
import { some } from './thorough.ts';

// Repositories whose own configuration would have git run a program. Each trap is shown to snap under plain git; none may under ours.
const exec = promisify(execFile);

interface Trap {
  /** Sets it; `program` leaves a trace wherever it is run. */
  readonly set: (s: Scene, program: string) => Promise<unknown> | unknown;
  /** What a person would type that makes it snap. */
  readonly snaps: readonly (readonly string[])[];
  /** What is said no to. Without it all works, the trap or not. */
  readonly refused?: 'the remote' | 'whatever needs git';
}

const config = (name: string, value: (program: string) => string) => (s: Scene, program: string) =>
  s.git('config', name, value(program));
const FETCH = [['fetch', 'origin']] as const;
const REF = [['update-ref', 'refs/heads/x', 'HEAD']] as const;
const STATUS = [['status']] as const;

/** A remote over HTTP that wants a password. */
async function wantsPassword(s: Scene): Promise<void> {
  const server = createServer((_, answer) => {
    answer.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  s.git('remote', 'set-url', 'origin', `http://127.0.0.1:${(server.address() as { port: number }).port}/app.git`);
}

const at = (address: string) => (s: Scene) => s.git('remote', 'set-url', 'origin', address);

/** A remote of which git asks a program of the repository's own. */
const asks = (name: string, remote: (s: Scene) => unknown, value = (program: string) => program): Trap => ({
  set: async (s, p) => {
    config(name, value)(s, p);
    await remote(s);
  },
  snaps: FETCH,
  refused: 'whatever needs git',
});

const TRAPS: Readonly<Record<string, Trap>> = {
  'core.fsmonitor': { set: config('core.fsmonitor', (p) => p), snaps: STATUS },
  'core.fsmonitor, included from elsewhere': {
    set: (s, p) => {
      writeFileSync(path.join(s.root, 'more'), `[core]\n\tfsmonitor = ${p}\n`);
      s.git('config', 'include.path', path.join(s.root, 'more'));
    },
    snaps: STATUS,
  },
  'core.hooksPath': {
    set: (s, p) => {
      const hooks = path.join(s.root, 'hooks');
      mkdirSync(hooks);
      for (const name of ['post-index-change', 'reference-transaction', 'post-checkout', 'post-rewrite'])
        writeFileSync(path.join(hooks, name), `#!/bin/sh\n${p}\n`, { mode: 0o755 });
      s.git('config', 'core.hooksPath', hooks);
    },
    snaps: REF,
  },
  'hooks in .git': {
    set: (s, p) => {
      for (const name of ['post-index-change', 'reference-transaction', 'pre-auto-gc'])
        writeFileSync(path.join(s.dir, '.git/hooks', name), `#!/bin/sh\n${p}\n`, { mode: 0o755 });
    },
    snaps: REF,
  },
  'a clean filter': {
    set: (s, p) => {
      s.git('config', 'filter.evil.clean', `${p}; cat`);
      s.git('config', 'filter.evil.smudge', `${p}; cat`);
      s.write('.git/info/attributes', '* filter=evil\n');
    },
    snaps: STATUS,
  },
  'a filter in a submodule': {
    set: (s, p) => {
      s.git('-c', 'protocol.file.allow=always', 'clone', '-q', s.origin, 'vendor');
      s.git('add', 'vendor');
      s.git('commit', '-q', '-m', 'With a submodule');
      s.git('-C', 'vendor', 'config', 'filter.evil.clean', `${p}; cat`);
      s.write('vendor/.git/info/attributes', '* filter=evil\n');
      s.write('vendor/app.py', 'ONE\n');
    },
    snaps: STATUS,
  },
  'diff.external, textconv, pager, signatures': {
    set: (s, p) => {
      for (const name of ['diff.external', 'diff.evil.textconv', 'diff.evil.command', 'core.pager', 'gpg.program'])
        s.git('config', name, p);
      s.git('config', 'log.showSignature', 'true');
      s.write('.git/info/attributes', '* diff=evil\n');
    },
    snaps: [['diff']],
  },
  'remote.origin.uploadpack': { set: config('remote.origin.uploadpack', (p) => p), snaps: FETCH },
  'an ext:: address': {
    set: (s, p) => {
      s.git('config', 'protocol.ext.allow', 'always');
      s.git('remote', 'set-url', 'origin', `ext::${p}`);
    },
    snaps: FETCH,
    refused: 'the remote',
  },
  'url.insteadOf': {
    set: (s, p) => {
      s.git('config', 'protocol.ext.allow', 'always');
      s.git('config', `url.ext::${p} %S .insteadOf`, s.origin);
    },
    snaps: FETCH,
    refused: 'the remote',
  },
  'core.sshCommand': asks('core.sshCommand', at('ssh://localhost/app.git')),
  'core.gitProxy': asks('core.gitProxy', at('git://127.0.0.1:1/app.git')),
  'credential.helper': asks('credential.helper', wantsPassword, (p) => `!${p}`),
  'core.askPass': asks('core.askPass', wantsPassword),
  'remote.origin.vcs': {
    set: (s, p) => {
      s.git('config', 'protocol.ext.allow', 'always');
      s.git('config', 'remote.origin.vcs', 'ext');
      s.git('remote', 'set-url', 'origin', p);
    },
    snaps: FETCH,
    refused: 'whatever needs git',
  },
};

/** Everything that scripts do with the deploy directory's repository. @returns what they said no to, and in what way. */
async function everything(s: Scene): Promise<Record<string, string>> {
  const said: Record<string, string> = {};
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      said[what] = (error as { kind?: string }).kind ?? String(error);
      return undefined;
    }
  };
  await attempt('checkout', () => inspectCheckout(s.ops, s.dir));
  const source = await attempt('fetch', () => fetchSource(s.ops, 'origin/main', 5_000));
  const commit = source?.commit ?? s.git('rev-parse', 'HEAD');
  await attempt('archive', () => archiveCommit(s.ops, commit, path.join(s.root, 'app.tar')));
  const seen = await attempt('local', () => inspectLocal(s.ops, commit));
  const saved = seen && (await attempt('save', () => saveLocal(s.ops, seen, 'run')));
  if (seen) await attempt('reset', () => resetTo(s.ops, commit, seen, saved));
  return said;
}

const SAYS_NO_TO = {
  'the remote': { fetch: 'precondition' },
  'whatever needs git': {
    checkout: 'precondition',
    fetch: 'precondition',
    archive: 'precondition',
    local: 'precondition',
  },
};

/** A repository with a trap, something to fetch and something to look into. */
async function trapped(trap: Trap): Promise<{ s: Scene; trace: () => string }> {
  const s = scene({ 'app.py': 'one\n' });
  const trace = path.join(s.root, 'trace');
  const program = path.join(s.root, 'program');
  writeFileSync(program, `#!/bin/sh\necho "$0 $*" >> ${trace}\nexit 1\n`, { mode: 0o755 });
  s.release({ 'app.py': 'two\n', 'new.py': 'new\n' });
  await trap.set(s, program);
  s.write('app.py', 'own\n'); // as long as before: git has to look into it
  rmSync(trace, { force: true });
  return { s, trace: () => (existsSync(trace) ? readFileSync(trace, 'utf8') : '') };
}

it.each(some(Object.entries(TRAPS), 0, 2, 4, 6, 8, 10, 12))(
  'runs nothing of the repository’s own: %s',
  async (_what, trap) => {
    const plain = await trapped(trap);
    const env = { PATH: process.env.PATH, HOME: path.join(plain.s.root, 'home'), GIT_TERMINAL_PROMPT: '0' };
    for (const args of trap.snaps) await exec('git', ['-C', plain.s.dir, ...args], { env }).catch(() => undefined);
    expect(plain.trace(), 'the trap is none').not.toBe('');

    const { s, trace } = await trapped(trap);
    const said = await everything(s);
    expect(trace()).toBe('');
    expect(said).toEqual(trap.refused ? SAYS_NO_TO[trap.refused] : {});
  },
);

it('works where the repository asks for nothing of the kind', async () => {
  const s = scene({ 'app.py': 'one\n' });
  const commit = s.release({ 'app.py': 'two\n' });
  s.git('config', 'core.sshCommand', 'ssh -i ~/.ssh/deploy_key');
  s.git('config', 'credential.helper', 'store');
  s.write('app.py', 'own\n'); // as long as before: git has to look into it
  expect(await everything(s)).toEqual({});
  expect(s.git('rev-parse', 'HEAD')).toBe(commit);
});

it('fetches no compose file from elsewhere', async () => {
  const s = scene({ 'app.py': 'one\n' });
  const [trace, bin] = [path.join(s.root, 'trace'), path.join(s.root, 'bin')];
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'git'), `#!/bin/sh\necho "$*" >> ${trace}\nexit 1\n`, { mode: 0o755 });
  const services = 'services: {postgres: {image: x}, redis: {image: x}, whalefall: {image: x}}\n';
  s.write('docker-compose.prod.yml', `include: ["https://localhost/evil.git"]\n${services}`);
  const PATH = `${bin}:${process.env.PATH}`;
  // Newer ones do so by themselves.
  const open = { PATH, HOME: s.root, COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'true' };
  await exec('docker', ['compose', '-f', path.join(s.dir, 'docker-compose.prod.yml'), 'config'], { env: open }).catch(
    () => undefined,
  );
  expect(existsSync(trace), 'the trap is none').toBe(true);
  rmSync(trace);
  s.write('.env', 'COMPOSE_EXPERIMENTAL_GIT_REMOTE=true\n');
  const env = childEnv(open);
  await expect(resolveStack({ ...s.ops, env, $: createShell({ env }) })).rejects.toMatchObject({
    kind: 'config',
    what: { en: expect.stringContaining('remote resource is disabled') },
  });
  expect(existsSync(trace)).toBe(false);
});
