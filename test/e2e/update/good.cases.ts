import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { itInFull, some } from '../thorough.ts';
import { expectNew, expectNoSecret, expectOld, expectOnly } from './judge.ts';
import { began, update } from './run.ts';
import { supervised } from './serving.ts';
import { edited, GUNICORN, NGINX, SUPERVISOR } from './sources.ts';
import { docker, type Stack } from './stack.ts';

/** Releases that must come through, and nobody may notice. */
export function goodCases(stack: () => Stack): void {
  it('brings a good release to every worker and the scheduler, and says what its own probe saw: /app becomes the commit, with what was deleted, modes, odd names, links, and a file where a directory was', async () => {
    stack().inApp(['python3', '-m', 'compileall', '-q', '/app/app/legacy']);
    const release = await stack().release({
      import_delay: 3,
      files: {
        'docs/a name with spaces.md': 'more spaces',
        'docs/gone.md': null,
        'docs/鲸落 – «手册».md': 'unicode',
        "docs/it's $HOME;.md": 'shell',
        '-rf': 'looks like an option',
        'docs/link.md': { link: 'a name with spaces.md' },
        'scripts/tool.sh': { run: '#!/bin/sh\n' },
        'app/api/extra/__init__.py': '',
        'app/legacy/old.py': null,
        'docs/a file': null,
        'docs/a file/is now a directory': 'x',
        'docs/a directory': 'is now a file',
      },
    });
    const run = await update(stack());
    await expectNew(stack(), run, release);
    expect(run.text).toContain(release.commit.slice(0, 10));
    expect(run.text).toMatch(/\bfailed\b.*\b0\b/);
    expect(run.text).toMatch(/p99/);
    // A directory that held nothing but bytecode would still be a package to Python.
    expect(stack().inApp(['sh', '-c', 'ls -d /app/app/legacy 2>&1 || true'])).toContain('No such file');
  });

  itInFull('does nothing when the release serves already: the same processes go on', async () => {
    const before = supervised(stack());
    const run = await update(stack(), ['--soak', '0']);
    expect(run.exitCode, run.text).toBe(0);
    await expectOnly(stack(), run, stack().current);
    expect(began(run, 'switch')).toBe(false);
    expect(supervised(stack())).toEqual(before);
  });

  itInFull('asks supervisorctl where supervisord has its socket elsewhere', async () => {
    const conf = '/etc/supervisor/supervisord.conf';
    stack().inApp(['sed', '-i.former', 's/^file=/;&/', conf]);
    try {
      const run = await update(stack(), ['--plan']);
      expect(run.exitCode, run.text).toBe(0);
      expect(run.text).toMatch(/programs +nginx, whalefall_scheduler, whalefall_web/);
    } finally {
      stack().inApp(['mv', `${conf}.former`, conf]);
    }
  });

  itInFull('brings a release that is imported at once', async () => {
    const release = await stack().release();
    await expectNew(stack(), await update(stack()), release);
  });

  // The case after it brings two workers back.
  itInFull('brings a changed gunicorn config into force without a restart of the container', async () => {
    const files = { [GUNICORN]: edited(stack(), GUNICORN, 'workers = 2', 'workers = 3') };
    const three = await stack().release({ files });
    await expectNew(stack(), await update(stack()), three, { workers: 3 });
  });

  itInFull(
    'foretells from the configuration that gunicorn preloads, which a rolling restart would not bring',
    async () => {
      const preload = { [GUNICORN]: edited(stack(), GUNICORN, 'preload_app = False', 'preload_app = True') };
      const first = await stack().release({ files: preload });
      await expectOld(stack(), await update(stack()), 3, { workers: 3 });
      await expectNew(stack(), await update(stack(), ['--restart', 'container']), first, { restarted: true });
      const next = await stack().release();
      const planned = await update(stack(), ['--plan']);
      expect(planned.text).toContain('gunicorn preloads the application');
      const refused = await update(stack(), ['--restart', 'rolling']);
      await expectOld(stack(), refused, 3);
      await expectNew(stack(), await update(stack()), next, { restarted: true });
    },
  );

  itInFull('brings a changed page of frontend/dist to users', async () => {
    const page = edited(stack(), 'frontend/dist/index.html', '<h1>', '<h1>new page ');
    const release = await stack().release({
      files: { 'frontend/dist/index.html': page, 'frontend/dist/assets/a.js': 'let a;\n' },
    });
    await expectNew(stack(), await update(stack()), release);
    expect(await (await fetch(stack().sandbox.url)).text()).toContain('new page');
    expect(await (await fetch(`${stack().sandbox.url}/assets/a.js`)).text()).toBe('let a;\n');
  });

  itInFull('takes a pyproject.toml in which only the version is new for what it is', async () => {
    const release = await stack().release({
      files: { 'pyproject.toml': edited(stack(), 'pyproject.toml', 'version = "1.5.0"', 'version = "1.5.1"') },
    });
    await expectNew(stack(), await update(stack()), release);
  });

  itInFull('brings a build that is not in git, and takes the former one away', async () => {
    const dist = path.join(stack().sandbox.deployDir, 'frontend/dist');
    const ignored = '.env\n__pycache__/\n*.py[cod]\nuserdata/\nfrontend/dist/\n';
    const inApp = () => stack().inApp(['find', '/app/frontend/dist', '-type', 'f']).trim().split('\n').sort();
    const build = (name: string) => {
      rmSync(dist, { recursive: true, force: true });
      mkdirSync(path.join(dist, 'assets'), { recursive: true });
      writeFileSync(path.join(dist, 'assets', `${name}.js`), name);
      writeFileSync(path.join(dist, 'index.html'), name);
    };
    const released = async () => {
      const release = await stack().release({ files: { '.gitignore': ignored, 'frontend/dist/index.html': null } });
      const run = await update(stack());
      expect(run.exitCode, run.text).toBe(0);
      expect(run.load.failed).toBe(0);
      stack().current = release;
    };
    try {
      await released(); // from here on git has no file of it
      for (const name of ['one', 'two']) {
        build(name);
        await released();
        expect(inApp()).toEqual([`/app/frontend/dist/assets/${name}.js`, '/app/frontend/dist/index.html']);
        expect(stack().inApp(['cat', '/app/frontend/dist/index.html'])).toBe(name);
      }
    } finally {
      rmSync(dist, { recursive: true, force: true });
      stack().inApp(['rm', '-rf', '/app/frontend/dist/assets']);
    }
  });

  itInFull('--sync-nginx-site-config brings a changed site config into force', async () => {
    const header = 'add_header X-Whalefall-Site new always;';
    const files = { [NGINX]: edited(stack(), NGINX, 'client_max_body_size', `${header}\n    client_max_body_size`) };
    const release = await stack().release({ files });
    await expectNew(stack(), await update(stack(), ['--sync-nginx-site-config']), release);
    expect((await fetch(`${stack().sandbox.url}/api/v1/health/basic`)).headers.get('x-whalefall-site')).toBe('new');
    const back = await stack().release();
    await expectNew(stack(), await update(stack(), ['--sync-nginx-site-config']), back);
    expect((await fetch(`${stack().sandbox.url}/api/v1/health/basic`)).headers.get('x-whalefall-site')).toBe(null);
  });

  it.each(some(['rolling', 'reload']))('--restart %s loses nothing either', async (restart) => {
    const release = await stack().release({ import_delay: 1 });
    await expectNew(stack(), await update(stack(), ['--restart', restart]), release);
  });

  itInFull('--restart container works, and says how long nobody was served', async () => {
    const release = await stack().release();
    const run = await update(stack(), ['--restart', 'container']);
    await expectNew(stack(), run, release, { restarted: true });
    expect(run.text).toMatch(/\d(\.\d)? (m?s|s)\b/);
  });

  itInFull('restarts the container for a changed supervisor config, and says why and for how long', async () => {
    const changed = edited(stack(), SUPERVISOR, 'nice -n 10', 'nice -n 11');
    const release = await stack().release({ files: { [SUPERVISOR]: changed } });
    const run = await update(stack());
    await expectNew(stack(), run, release, { restarted: true });
    expect(run.text).toMatch(/supervisor/i);
    expect(run.text).toMatch(/restart/i);
    expect(run.after.containers).not.toEqual(run.before.containers);
    expect(stack().inApp(['cat', '/etc/supervisor/conf.d/whalefall.conf'])).toBe(changed);
    const back = await stack().release();
    await expectNew(stack(), await update(stack()), back, { restarted: true });
  });

  itInFull('a web program that is another user than root is updated as gently', async () => {
    stack().inApp(['chown', '-R', 'www-data', '/app/userdata/logs']);
    const files = {
      [SUPERVISOR]: edited(stack(), SUPERVISOR, 'wsgi:application', 'wsgi:application\nuser=www-data'),
    };
    const other = await stack().release({ files });
    await expectNew(stack(), await update(stack()), other, { restarted: true });
    const next = await stack().release({ files, import_delay: 1 });
    await expectNew(stack(), await update(stack()), next);
    const users = (words: string) => stack().inApp(['sh', '-c', words]).trim().split('\n');
    const web = 'ps -o user= -p $(supervisorctl pid whalefall_web)';
    expect(users(web)).toEqual(['www-data']);
    const back = await stack().release();
    await expectNew(stack(), await update(stack()), back, { restarted: true });
  });

  itInFull('--ref goes back to an older commit', async () => {
    const old = stack().current;
    const next = await stack().release();
    await expectNew(stack(), await update(stack()), next);
    await expectNew(stack(), await update(stack(), ['--ref', old.commit]), old);
  });

  itInFull('--backup always makes a backup also without a migration', async () => {
    const release = await stack().release();
    const run = await update(stack(), ['--backup', 'always']);
    await expectNew(stack(), run, release);
    const added = run.after.backups.filter((name) => !run.before.backups.includes(name));
    expect(added).toHaveLength(1);
    expect(readdirSync(path.join(stack().state, 'backups', added[0] ?? '')).length).toBeGreaterThan(0);
    expectNoSecret(stack(), run);
  });

  itInFull('--bake also builds the image from the same commit; the container stays', async () => {
    const release = await stack().release();
    const run = await update(stack(), ['--bake']);
    await expectNew(stack(), run, release);
    const argv = [
      'run',
      '--rm',
      '--network',
      'none',
      '--entrypoint',
      'cat',
      stack().sandbox.appImage,
      '/app/release.json',
    ];
    expect(docker(...argv)).toContain(`"${release.marker}"`);
  });
}
