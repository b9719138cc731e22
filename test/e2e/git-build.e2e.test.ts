import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { targetFor } from '../../lib/core/target.ts';
import { builtArtefacts, otherSources, unbuiltReasons } from '../../lib/domain/release/artefact-stages.ts';
import { artefactsIn, findArtefacts } from '../../lib/domain/release/artefacts.ts';
import { layContext } from '../../lib/domain/release/build-context.ts';
import { refuseUnbuildable } from '../../lib/domain/release/buildable.ts';
import { treeOf } from '../../lib/tools/git/tree.ts';
import { facts } from '../support/facts.ts';
import { type Scene, scene } from './git.repos.ts';

const DAY = 24 * 3600;
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

describe('what only the image’s build makes', () => {
  const DOCKERFILE = `FROM node AS frontend-build
RUN make
FROM python
COPY --from=frontend-build /build/dist /app/frontend/dist
`;
  const built = async (s: Scene, commit: string) =>
    builtArtefacts(s.ops, stackOf(s), commit, await treeOf(s.ops, commit));
  const there = new Map([['frontend/dist/index.html', { mode: '100644', blob: 'x' }]]);
  const to = (list: readonly { readonly to: string }[]) => list.map((a) => a.to);

  it('is built anew when its sources are others than those of what runs, and only then', async () => {
    const s = scene({ 'Dockerfile.prod': DOCKERFILE, 'frontend/src/a.js': '1' });
    const first = s.git('rev-parse', 'HEAD');
    const code = s.release({ 'app.py': 'two' });
    const pages = s.release({ 'frontend/src/a.js': '2' });
    s.git('fetch', '-q');
    const image = { commit: first, run: 'r-deploy-prod-all' };
    const [ofCode, ofPages] = [await built(s, code), await built(s, pages)];
    expect(ofPages).toMatchObject([{ from: 'frontend/', to: 'frontend/dist', made: '/build/dist' }]);
    expect(to(await otherSources(s.ops, ofCode, image, there))).toEqual([]);
    expect(to(await otherSources(s.ops, ofPages, image, there))).toEqual(['frontend/dist']);

    // A hot release has what it brought, whatever its commit says; one that does not tell may have left it alone.
    const hot = { commit: pages, run: 'r-update-prod-flask', hot: true };
    const brought = { 'frontend/dist': ofPages[0]?.sources ?? '' };
    expect(to(await otherSources(s.ops, ofPages, { ...hot, artefacts: brought }, there))).toEqual([]);
    expect(to(await otherSources(s.ops, ofPages, hot, there))).toEqual(['frontend/dist']);

    // Nobody knows what lies there, or nothing does.
    expect(to(await otherSources(s.ops, ofCode, undefined, there))).toEqual(['frontend/dist']);
    expect(to(await otherSources(s.ops, ofCode, image, new Map()))).toEqual(['frontend/dist']);
    const unknown = { ...image, commit: 'ab'.repeat(20) };
    expect(to(await otherSources(s.ops, ofCode, unknown, there))).toEqual(['frontend/dist']);
  });

  describe('and no stage makes', () => {
    /** The scene, a reason's words for what lies there when `running` runs with these pages, and commits that follow one another. */
    const made = async () => {
      const s = scene({ 'Dockerfile.prod': 'FROM python\nRUN make\n', 'frontend/src/a.js': '1' });
      const first = s.git('rev-parse', 'HEAD');
      const code = s.release({ 'app.py': 'two' });
      const pages = s.release({ 'frontend/src/a.js': '2' });
      s.git('fetch', '-q');
      const changed = Number(s.git('log', '-1', '--format=%ct', pages));
      const file = path.join(s.dir, 'frontend/dist/index.html');
      const lay = (text: string, seconds: number) => {
        s.write('frontend/dist/index.html', text);
        utimesSync(file, changed + seconds, changed + seconds);
      };
      const reasons = async (commit: string, running: string | undefined, page: string) => {
        const tree = await treeOf(s.ops, commit);
        const there = artefactsOf(page);
        const release = { commit, built: await built(s, commit), here: findArtefacts(s.ops, tree, []) };
        const found = await unbuiltReasons(s.ops, { release, running: { commit: running, files: there } });
        return found.map(({ path, why, fix }) => `${path}: ${why.en} ${fix ? 'build' : 'rebuild'}`);
      };
      const artefactsOf = (text: string) => {
        const base = mkdtempSync(path.join(s.root, 'there-'));
        mkdirSync(path.join(base, 'frontend/dist'), { recursive: true });
        writeFileSync(path.join(base, 'frontend/dist/index.html'), text);
        return artefactsIn(base, ['frontend/dist']).files;
      };
      return { s, first, code, pages, lay, reasons };
    };

    it('is refused when its sources changed and nobody built it here', async () => {
      const { first, code, pages, reasons } = await made();
      expect(await reasons(pages, first, 'old')).toEqual([expect.stringMatching(/^frontend\/: changed.* rebuild$/)]);
      expect(await reasons(pages, undefined, 'old')).toHaveLength(1);
      expect(await reasons(code, first, 'old')).toEqual([]);
    });

    it('is taken from here when it was built after its sources had changed', async () => {
      const { first, pages, lay, reasons } = await made();
      lay('new', 60);
      expect(await reasons(pages, first, 'old')).toEqual([]);
      expect(await reasons(pages, undefined, 'old')).toEqual([]);
    });

    it('is not taken from here when it lies there since before its sources changed, whatever runs', async () => {
      const { s, first, code, pages, lay, reasons } = await made();
      const old = [expect.stringMatching(/^frontend\/dist: .* was built on .*, and frontend\/ changed on .* build$/)];
      lay('last month’s', -30 * DAY);
      expect(await reasons(pages, first, 'old')).toEqual(old);
      expect(await reasons(pages, first, 'last month’s')).toEqual(old);
      expect(await reasons(pages, pages, 'of the image')).toEqual(old);
      s.git('checkout', '-q', pages);
      await expect(refuseUnbuildable(s.ops, stackOf(s), pages)).rejects.toThrow(/^frontend\/dist: .*was built on/);
      // What runs goes on being served.
      expect(await reasons(pages, pages, 'last month’s')).toEqual([]);
      lay('last month’s', -30 * 86_400);
      expect(await reasons(code, first, 'last month’s')).toEqual([]);
      expect(await reasons(code, first, 'of the image')).toEqual(old);
    });

    it('is not taken from here when it is what runs already and its sources are others: going back, too', async () => {
      const { first, pages, lay, reasons } = await made();
      lay('page', 60);
      const same = [
        expect.stringMatching(/^frontend\/dist: .*what runs already, although frontend\/ is another.* build$/),
      ];
      expect(await reasons(pages, first, 'page')).toEqual(same);
      expect(await reasons(first, pages, 'page')).toEqual(same);
      expect(await reasons(pages, pages, 'page')).toEqual([]);
      expect(await reasons(pages, undefined, 'page')).toEqual([]);
    });
  });

  it('is git’s where git has it, and nobody’s without sources', async () => {
    const s = scene({ 'Dockerfile.prod': DOCKERFILE, 'frontend/src/a.js': '1', 'frontend/dist/index.html': 'x' });
    expect(await built(s, s.git('rev-parse', 'HEAD'))).toEqual([]);
    const none = scene({ 'Dockerfile.prod': DOCKERFILE });
    expect(await built(none, none.git('rev-parse', 'HEAD'))).toEqual([]);
  });
});
