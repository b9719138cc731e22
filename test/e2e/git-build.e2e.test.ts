import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { targetFor } from '../../lib/core/target.ts';
import { layContext } from '../../lib/domain/release/build-context.ts';
import { refuseUnbuildable } from '../../lib/domain/release/buildable.ts';
import { facts } from '../support/facts.ts';
import { type Scene, scene } from './git.repos.ts';

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a1'.repeat(32)}\nsize 12345\n`;

/** Whoever clones and deploys with a umask of their own. */
function underUmask(mask: number): void {
  const usual = process.umask(mask);
  onTestFinished(() => void process.umask(usual));
}

async function lay(s: Scene): Promise<string> {
  const context = path.join(s.root, 'context');
  await layContext(s.ops, stackOf(s), s.git('rev-parse', 'HEAD'), context);
  return context;
}

/** `<mode> <path>` of everything below, and of the directory itself. */
const modes = (dir: string) =>
  ['.', ...readdirSync(dir, { recursive: true }).map(String)]
    .map((file) => `${(lstatSync(path.join(dir, file)).mode & 0o7777).toString(8)} ${file}`)
    .sort();

const stackOf = (s: Scene, context = s.dir) => {
  const { stack } = facts();
  const app = { ...stack.services.app, build: { context, dockerfile: 'Dockerfile.prod', others: {} } };
  return { ...stack, services: { ...stack.services, app } };
};

describe('what a build may see', () => {
  it('is the commit, with the modes that git has, whatever lies about and whatever the umask', async () => {
    underUmask(0o077);
    const s = scene({ 'app.py': 'one\n', 'pages/index.html': 'page\n', '.gitattributes': 'pages export-ignore\n' });
    s.write('.env', 'SECRET=1\n');
    s.write('.whalefall-ops/backups/dump', 'everything');
    s.write('untracked.txt', 'x');
    s.write('app.py', 'changed here\n');
    const context = await lay(s);
    expect(modes(context)).toEqual(['644 .gitattributes', '644 app.py', '644 pages/index.html', '755 .', '755 pages']);
    expect(readFileSync(path.join(context, 'app.py'), 'utf8')).toBe('one\n');
    expect(readdirSync(s.root)).not.toContain('context.tar');
  });

  it('has the declared artefacts of which git has none, as readable as git would make them', async () => {
    underUmask(0o077);
    const s = scene();
    s.write('frontend/dist/assets/page.js', 'built');
    s.write('frontend/node_modules/x.js', 'not declared');
    symlinkSync('assets/page.js', path.join(s.dir, 'frontend/dist/main.js'));
    const context = await lay(s);
    expect(modes(context).filter((line) => line.includes('frontend'))).toEqual([
      '644 frontend/dist/assets/page.js',
      '755 frontend',
      '755 frontend/dist',
      '755 frontend/dist/assets',
      '777 frontend/dist/main.js',
    ]);
    expect(readlinkSync(path.join(context, 'frontend/dist/main.js'))).toBe('assets/page.js');
  });

  it('leaves a directory that is git’s to git', async () => {
    const s = scene({ 'frontend/dist/page.js': 'committed' });
    s.write('frontend/dist/page.js', 'built here');
    expect(readFileSync(path.join(await lay(s), 'frontend/dist/page.js'), 'utf8')).toBe('committed');
  });
});

describe('what can’t be built from a commit alone', () => {
  const refused = (s: Scene, stack = stackOf(s)) =>
    refuseUnbuildable(s.ops, stack, s.git('rev-parse', 'HEAD')).then(
      () => 'built',
      (e: Error) => e.message,
    );

  it('is named: submodules', async () => {
    const s = scene();
    const other = scene();
    s.git('-c', 'protocol.file.allow=always', 'submodule', 'add', '-q', other.origin, 'vendored');
    s.git('commit', '-q', '-m', 'With a submodule');
    expect(await refused(s)).toMatch(/submodules.*vendored/);
  });

  it('is named: pointers of git-lfs, but not a text about them', async () => {
    const s = scene({ 'big.bin': POINTER, 'README.md': `How it looks:\n\n${POINTER}` });
    expect(await refused(s)).toMatch(/git-lfs.*: big\.bin$/);
    const t = scene({ 'README.md': `How it looks:\n\n${POINTER}` });
    expect(await refused(t)).toBe('built');
  });

  it('is named: a context that is not the deploy directory’s', async () => {
    const s = scene();
    expect(await refused(s)).toBe('built');
    expect(await refused(s, stackOf(s, path.join(s.dir, 'sub')))).toBe('built');
    for (const elsewhere of ['https://example.org/app.git#main', path.dirname(s.dir), `${s.dir}-2`, '/'])
      expect(await refused(s, stackOf(s, elsewhere)), elsewhere).toContain(elsewhere);
  });
});

it('lays the same by another spelling of the directory', async () => {
  const s = scene();
  const link = path.join(s.root, 'link');
  symlinkSync(s.dir, link);
  mkdirSync(path.join(s.root, 'x'));
  chmodSync(path.join(s.root, 'x'), 0o700);
  const context = path.join(s.root, 'x', 'context');
  await layContext({ ...s.ops, target: targetFor(link) }, stackOf(s, link), s.git('rev-parse', 'HEAD'), context);
  expect(readdirSync(context)).toEqual(['app.py']);
});
