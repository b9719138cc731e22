import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildImage } from '../../lib/domain/images/build.ts';
import { commitCode } from '../../lib/domain/images/code.ts';
import { layerOf } from '../../lib/domain/images/drift.ts';
import { resolveStack } from '../../lib/domain/stack/compose-config.ts';
import { inspectContainer } from '../../lib/tools/docker/containers.ts';
import { createFreshSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { realOps } from '../support/real-ops.ts';

// What is in the image: looked at in the image itself, on a server where everything has a umask of 077.
const root = mkdtempSync(path.join(os.tmpdir(), 'wfops-image-'));
const usual = process.umask();
let sandbox: Sandbox;
let commit: string;

const inImage = (program: string, ...args: string[]) =>
  execFileSync('docker', ['run', '--rm', '--network', 'none', '--entrypoint', program, sandbox.appImage, ...args], {
    encoding: 'utf8',
  }).trim();
const build = async () => {
  const ops = realOps(sandbox.deployDir); // a state directory, beside what the image is made of
  writeFileSync(path.join(ops.paths.backups, 'database.dump'), 'everything that people have');
  return buildImage(ops, await resolveStack(ops), commit);
};
const write = (file: string, text: string) => writeFileSync(path.join(sandbox.deployDir, file), text);

beforeAll(async () => {
  process.umask(0o077);
  sandbox = await createFreshSandbox({
    name: 'wfops-image',
    root,
    ports: { http: 28520, direct: 28521, postgres: 28522, redis: 28523 },
  });
  await sandbox.release({
    files: {
      '.gitattributes': 'app/models export-ignore\n',
      'link-to-app.py': { link: 'app.py' },
      '.dockerignore': null,
    },
  });
  commit = await sandbox.pull();
  sandbox.writeEnv();
});

afterAll(async () => {
  process.umask(usual);
  await sandbox?.down();
  rmSync(root, { recursive: true, force: true });
});

it('is the commit: no dumps, no .env, no .git, nothing that lies about, and what nginx serves can be read', async () => {
  write('untracked.txt', 'of this server');
  write('pyproject.toml', `${readFileSync(path.join(sandbox.deployDir, 'pyproject.toml'), 'utf8')}\n# changed here\n`);
  await build();

  const there = inImage('find', '/app', '-mindepth', '1', '-maxdepth', '1', '-printf', '%f\n').split('\n');
  for (const absent of ['.whalefall-ops', '.git', '.env', 'untracked.txt']) expect(there).not.toContain(absent);
  for (const file of ['app.py', 'link-to-app.py', 'release.json']) expect(there).toContain(file);
  expect(inImage('find', '/', '-xdev', '-name', 'database.dump')).toBe('');
  expect(inImage('find', '/app/app/models', '-name', 'user.py')).toContain('user.py');
  expect(inImage('cat', '/app/pyproject.toml')).not.toContain('changed here');
  expect(inImage('readlink', '/app/link-to-app.py')).toBe('app.py');
  const served = ['/app/app', '/app/frontend', '/app/migrations', '/usr/share/nginx/html'];
  expect(inImage('find', ...served, '-not', '-type', 'l', '-not', '-perm', '-0004')).toBe('');
});

it('comes from the build cache where nothing has changed', async () => {
  expect(await build()).toBe(await build());
});

const CHANGES = `cd /app; echo changed >> app.py; echo new > new.py; ln new.py twin.py; rm wsgi.py; chmod 4750 release.json; chown 33:33 release.json
mv migrations /opt/moved; ln -s /opt/moved migrations; rm -rf nginx; mkdir nginx; echo new > nginx/anew; chmod 700 /srv; rm /usr/share/nginx/html/*
echo x > /srv/gone; rm /srv/gone; mkdir -p userdata/reports; echo x > userdata/reports/deleted.csv; echo "a name with spaces" > "/etc/a b"`;
const FILES = `find / -xdev -path /app/userdata -prune -o -name __pycache__ -prune -o -type d -printf '%p %m %U %G\\n' -o -printf '%p %y %m %n %U %G %s %l\\n' |
  grep -v -e '^/dev' -e '^/etc/host' -e '^/etc/resolv' -e '^/.dockerenv'; cat /app/app.py /app/nginx/anew; ls /app/userdata/reports 2>&1; true`;

it('made of a container that was hot-updated has exactly its files, but neither userdata nor its variables', async () => {
  await build();
  const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
  const made = ['run', '-d', '-e', 'SECRET=of-the-container', '--entrypoint', 'sleep', sandbox.appImage, '600'];
  const id = docker(...made);
  const reference = `${sandbox.project}/whalefall:of-a-container`;
  const config = (of: string) => JSON.parse(docker('image', 'inspect', '-f', '{{json .Config}}', of));
  try {
    docker('exec', id, 'sh', '-c', CHANGES);
    const ops = realOps(sandbox.deployDir);
    const container = await inspectContainer(ops, id);
    await commitCode(ops, container, await layerOf(ops, container), reference);
    const listed = (text: string) => text.split('\n').sort();
    const files = listed(docker('exec', id, 'sh', '-c', FILES)).filter((line) => line !== 'deleted.csv');
    expect(files.length).toBeGreaterThan(1_000);
    const kept = docker('run', '--rm', '--network', 'none', '--entrypoint', 'sh', reference, '-c', FILES);
    expect(listed(kept).filter((line) => !line.includes('/app/userdata/reports'))).toEqual(files);
    expect(kept).toMatch(/userdata\/reports.*No such file/);
    const { Labels: _, ...is } = config(reference);
    const { Labels: __, ArgsEscaped, ...was } = config(sandbox.appImage);
    expect(is).toMatchObject(was);
    expect(JSON.stringify(is)).not.toContain('of-the-container');
    expect(docker('image', 'ls', '-q', 'whalefall-ops-copy')).toBe('');
  } finally {
    docker('rm', '-f', id);
    docker('image', 'rm', reference);
  }
});

it('leaves the service’s own image alone when it is built apart', async () => {
  const present = await build();
  const ops = realOps(sandbox.deployDir);
  const image = `${sandbox.project}/whalefall:apart`;
  const apart = { project: `${sandbox.project}-apart`, image, labels: { 'wfops-e2e': sandbox.project } };
  const [stack, file] = [await resolveStack(ops), path.join(sandbox.deployDir, 'docker-compose.prod.yml')];
  // As the commit has it, whatever lies in the deploy directory by now.
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(/dockerfile: .*/, 'dockerfile: Dockerfile.of-a-newer-release'),
  );
  const id = await buildImage(ops, stack, commit, apart);
  const inspect = (reference: string, format: string) =>
    execFileSync('docker', ['image', 'inspect', '-f', format, reference], { encoding: 'utf8' }).trim();
  expect(inspect(image, '{{.Id}} {{index .Config.Labels "wfops-e2e"}}')).toBe(`${id} ${sandbox.project}`);
  expect(inspect(sandbox.appImage, '{{.Id}}')).toBe(present);
});
