import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { itInFull } from '../thorough.ts';
import { expectNew, expectOld } from './judge.ts';
import { type Run, update } from './run.ts';
import type { Stack } from './stack.ts';
import { objectsWith } from './traces.ts';

/** Somebody edited files in the deploy directory, as happens at night. */
export function localChangesCases(stack: () => Stack): void {
  const inDir = (name: string) => path.join(stack().sandbox.deployDir, name);
  const put = (name: string, text: string) => {
    mkdirSync(path.dirname(inDir(name)), { recursive: true });
    writeFileSync(inDir(name), text);
  };
  const clean = () => {
    for (const name of ['docs', 'mine.txt']) rmSync(inDir(name), { recursive: true, force: true });
    stack().git(['reset', '-q', '--hard', stack().current.commit]);
  };
  const saved = (run: Run) =>
    run.after.refs.filter((ref) => ref.startsWith('refs/whalefall-ops/saved/') && !run.before.refs.includes(ref));

  /** The content of a file in a saved ref, in whichever of the commits that it adds. */
  const retrieved = (run: Run, name: string): readonly string[] => {
    const refs = saved(run).map((line) => line.split(' ')[0] ?? '');
    const commits = stack()
      .git(['rev-list', ...refs, '--not', '--remotes', '--branches'])
      .split('\n')
      .filter(Boolean);
    return commits.flatMap((commit) => {
      const listed = stack().git(['ls-tree', '-r', '--name-only', '-z', commit]).split('\0');
      return listed.includes(name) ? [stack().git(['show', `${commit}:${name}`])] : [];
    });
  };

  itInFull('ends with 4 on local changes without consent, and nothing is changed', async () => {
    await stack().release();
    appendFileSync(inDir('wsgi.py'), '# by hand\n');
    try {
      const run = await update(stack());
      await expectOld(stack(), run, 4);
      expect(run.text).toContain('wsgi.py');
      expect(run.text).toContain('--discard-local');
      expect(readFileSync(inDir('wsgi.py'), 'utf8')).toContain('# by hand');
    } finally {
      clean();
    }
  });

  itInFull(
    '--discard-local saves edited, staged, deleted and colliding files under a ref, and takes the release',
    async () => {
      const release = await stack().release({ files: { 'docs/new.md': 'of the release\n' } });
      appendFileSync(inDir('wsgi.py'), '# edited\n');
      appendFileSync(inDir('app.py'), '# staged\n');
      stack().git(['add', 'app.py']);
      rmSync(inDir('sql/seed/postgresql/permission_configs.sql'));
      put('docs/new.md', 'untracked, in the way\n');
      put('mine.txt', 'untracked, in nobody’s way\n');
      const env = readFileSync(inDir('.env'), 'utf8');
      try {
        const run = await update(stack(), ['--discard-local']);
        expect(readFileSync(inDir('mine.txt'), 'utf8')).toBe('untracked, in nobody’s way\n');
        rmSync(inDir('mine.txt'));
        await expectNew(stack(), run, release);
        // What was staged is another state than the files, and is kept as such.
        expect(saved(run).filter((line) => !/-staged\b/.test(line))).toHaveLength(1);
        expect(run.text).toContain('refs/whalefall-ops/saved/');
        expect(retrieved(run, 'wsgi.py').some((text) => text.endsWith('# edited\n'))).toBe(true);
        expect(retrieved(run, 'app.py').some((text) => text.endsWith('# staged\n'))).toBe(true);
        expect(retrieved(run, 'docs/new.md')).toContain('untracked, in the way\n');
        expect(readFileSync(inDir('docs/new.md'), 'utf8')).toBe('of the release\n');
        expect(readFileSync(inDir('.env'), 'utf8')).toBe(env);
        expect(objectsWith(stack(), Object.values(stack().sandbox.secrets))).toEqual([]);
      } finally {
        clean();
      }
    },
  );

  itInFull('--discard-local never puts .env into git, not even when .gitignore no longer names it', async () => {
    const release = await stack().release();
    const env = readFileSync(inDir('.env'), 'utf8');
    put('.gitignore', 'userdata/\n');
    try {
      const run = await update(stack(), ['--discard-local']);
      await expectNew(stack(), run, release);
      expect(readFileSync(inDir('.env'), 'utf8')).toBe(env);
      expect(objectsWith(stack(), Object.values(stack().sandbox.secrets))).toEqual([]);
    } finally {
      clean();
    }
  });

  itInFull('--discard-local keeps the changes where they are when the release fails', async () => {
    await stack().release({ import_error: true });
    appendFileSync(inDir('wsgi.py'), '# by hand\n');
    try {
      const run = await update(stack(), ['--discard-local']);
      expect(readFileSync(inDir('wsgi.py'), 'utf8')).toContain('# by hand');
      expect(run.after.status).toBe(run.before.status);
      await expectOld(stack(), { ...run, after: { ...run.after, refs: run.before.refs } }, 1);
      expect(existsSync(inDir('.git/index.lock'))).toBe(false);
    } finally {
      clean();
    }
  });

  itInFull('keeps local commits of the deploy directory reachable', async () => {
    const release = await stack().release();
    const identity = ['-c', 'user.name=Night', '-c', 'user.email=night@localhost'];
    stack().git([...identity, 'commit', '-q', '--allow-empty', '-m', 'A fix that was never pushed']);
    const local = stack().git(['rev-parse', 'HEAD']).trim();
    try {
      const run = await update(stack(), ['--discard-local']);
      await expectNew(stack(), run, release);
      expect(stack().git(['for-each-ref', '--contains', local])).not.toBe('');
    } finally {
      clean();
    }
  });
}
