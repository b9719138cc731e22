import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { createFreshSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { type Ended, runScript } from '../support/run-script.ts';
import { itInFull } from './thorough.ts';

// What the real engine does with what a new container would fail at: it is never asked to stop the old one.
const root = mkdtempSync(path.join(os.tmpdir(), 'wfops-tried-'));
let sandbox: Sandbox;

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const deploy = (...args: string[]): Promise<Ended> =>
  runScript('deploy-prod-all', ['--dir', sandbox.deployDir, '--yes', ...args]);
const inDeployDir = (...names: string[]) => path.join(sandbox.deployDir, ...names);

/** Id and start of the application's container. */
function application(): string {
  const labels = { project: sandbox.project, service: 'whalefall', oneoff: 'False' };
  const filters = Object.entries(labels).flatMap(([k, v]) => ['--filter', `label=com.docker.compose.${k}=${v}`]);
  const [id = ''] = docker('ps', '-q', '--no-trunc', ...filters).split('\n');
  return docker('inspect', '-f', '{{.Id}} {{.State.StartedAt}} {{.State.Status}}', id);
}

function edited(file: string, from: string, to: string): string {
  const text = readFileSync(inDeployDir(file), 'utf8');
  expect(text).toContain(from);
  return text.replace(from, to);
}

const edit = (file: string, from: string, to: string): void => writeFileSync(inDeployDir(file), edited(file, from, to));

/** The run ends so; the same container goes on, and was not started again. */
async function untouched(exitCode: number, says: RegExp): Promise<void> {
  const before = application();
  const ended = await deploy('--data', 'keep');
  expect(ended.exitCode, ended.text).toBe(exitCode);
  expect(ended.text).toMatch(says);
  expect(application()).toBe(before);
  expect(
    docker('ps', '-a', '--format', '{{.Names}}')
      .split('\n')
      .filter((n) => /-(trial|one-off)-/.test(n) && n.startsWith(sandbox.project)),
  ).toEqual([]);
}

beforeAll(async () => {
  sandbox = await createFreshSandbox({
    name: 'wfops-tried',
    root,
    ports: { http: 28280, direct: 28281, postgres: 28282, redis: 28283 },
  });
  mkdirSync(inDeployDir('ssl'));
  const [key, cert] = [inDeployDir('ssl', 'key.pem'), inDeployDir('ssl', 'cert.pem')];
  execFileSync(
    'openssl',
    [...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=sandbox', '-keyout', key, '-out', cert]],
    { stdio: 'ignore' },
  );
  const mounted = ['- ./.env:/app/.env:ro\n', '- ./.env:/app/.env:ro\n      - ./ssl:/etc/nginx/ssl:ro\n'] as const;
  const tls = [
    'listen 443 ssl;',
    'ssl_certificate /etc/nginx/ssl/cert.pem;',
    'ssl_certificate_key /etc/nginx/ssl/key.pem;',
  ];
  const secured = ['listen 80 default_server;', ['listen 80 default_server;', ...tls].join('\n    ')] as const;
  const [compose, site] = ['docker-compose.prod.yml', 'nginx/sites-available/whalefall-prod'];
  const start = 'scripts/ops/docker/start-prod-services.sh';
  const quiet = edited(start, 'nginx -t -q\n', 'nginx -t -q\nexec > /var/log/start.log 2>&1\n');
  await sandbox.release({
    files: { [compose]: edited(compose, ...mounted), [site]: edited(site, ...secured), [start]: quiet },
  });
  await sandbox.pull();
  const ended = await deploy();
  expect(ended.exitCode, ended.text).toBe(0);
});

afterAll(async () => {
  await sandbox?.down();
  rmSync(root, { recursive: true, force: true });
});

itInFull(
  'a mounted certificate that is gone is refused by its name; an empty directory is found by nginx',
  async () => {
    renameSync(inDeployDir('ssl'), inDeployDir('..', 'ssl'));
    await untouched(3, /ssl does not exist, and whalefall:\/etc\/nginx\/ssl mounts it/);
    mkdirSync(inDeployDir('ssl'));
    await untouched(1, /would not come up[\s\S]*cannot load certificate/);
    rmSync(inDeployDir('ssl'), { recursive: true });
    renameSync(inDeployDir('..', 'ssl'), inDeployDir('ssl'));
  },
);

itInFull('a root file system that can only be read, and an address that the host lacks', async () => {
  const compose = readFileSync(inDeployDir('docker-compose.prod.yml'), 'utf8');
  edit('docker-compose.prod.yml', '    # For the entrypoint', '    read_only: true\n    # For the entrypoint');
  await untouched(1, /rootfs is marked read-only|Read-only file system/);
  writeFileSync(inDeployDir('docker-compose.prod.yml'), compose);
  edit('docker-compose.prod.yml', ':5001"', ':5001"\n      - "192.0.2.1:28299:5002"');
  await untouched(3, /192\.0\.2\.1:28299 is to be published on an address that this machine does not have/);
  writeFileSync(inDeployDir('docker-compose.prod.yml'), compose);
});

itInFull('an entrypoint that sends its output elsewhere is tried all the same', async () => {
  const ended = await deploy('--data', 'keep');
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/schema revision \d+; nginx, .*whalefall_web/);
});
