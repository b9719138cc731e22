import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { createFreshSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { type Ended, runScript } from '../support/run-script.ts';
import { itInFull } from './thorough.ts';

// One stack whose userdata is a volume that a worker writes to without a pause; each test leaves it serving.
const root = mkdtempSync(path.join(os.tmpdir(), 'wfops-e2e-identity-'));
let sandbox: Sandbox;

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const deploy = (...args: string[]): Promise<Ended> => {
  const config = path.join(root, 'target.json');
  return runScript('deploy-prod-all', ['--dir', sandbox.deployDir, '--config', config, '--yes', ...args]);
};
const keep = () => deploy('--data', 'keep');
const container = (service: string) => `${sandbox.project}_${service}_prod`;
const sql = (query: string) =>
  docker('exec', container('postgres'), 'psql', '-XqAt', '-U', 'whalefall_user', '-d', 'whalefall_prod', '-c', query);
const identifier = () => sql('SELECT system_identifier FROM pg_control_system()');
const file = () => path.join(sandbox.deployDir, 'docker-compose.prod.yml');
const worker = () => `${sandbox.project}_worker`;
const userdata = () => `${sandbox.project}_whalefall_userdata`;

async function serving(): Promise<boolean> {
  const answer = await fetch(`${sandbox.directUrl}/api/v1/health`, { headers: { connection: 'close' } }).catch(
    () => undefined,
  );
  return answer?.ok ?? false;
}

/** Changes the compose file for one test, without a commit; gives back what puts it right. */
function edit(change: (text: string) => string): () => void {
  const before = readFileSync(file(), 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(file(), after);
  return () => writeFileSync(file(), before);
}

beforeAll(async () => {
  sandbox = await createFreshSandbox({
    name: 'wfops-identity',
    root,
    ports: { http: 28470, direct: 28471, postgres: 28472, redis: 28473 },
  });
  writeFileSync(path.join(root, 'target.json'), JSON.stringify({ bootSeconds: 60 }));
  const compose = readFileSync(file(), 'utf8')
    .replace('interval: 30s', 'interval: 2s')
    .replace('  whalefall_redis_data:\n', '  whalefall_userdata:\n    driver: local\n  whalefall_redis_data:\n')
    .replace(
      '      - ./.env:/app/.env:ro\n',
      '      - ./.env:/app/.env:ro\n      - whalefall_userdata:/app/userdata\n',
    );
  await sandbox.release({ files: { 'docker-compose.prod.yml': compose } });
  await sandbox.pull();
  sandbox.writeEnv();
  const ended = await deploy();
  expect(ended.exitCode, ended.text).toBe(0);
  sql("CREATE TABLE kept (text text); INSERT INTO kept VALUES ('a row that must survive')");
  const loop = 'i=0; while :; do i=$((i+1)); echo $i >> /u/lines; sleep 0.1; done';
  const image = docker('inspect', '-f', '{{.Image}}', container('redis'));
  docker('run', '-d', '--name', worker(), '-v', `${userdata()}:/u`, '--entrypoint', 'sh', image, '-c', loop);
});

afterAll(async () => {
  if (sandbox) spawnSync('docker', ['rm', '-f', '-v', worker()], { stdio: 'ignore' });
  await sandbox?.down();
  rmSync(root, { recursive: true, force: true });
});

itInFull('leaves userdata alone that a worker writes to: no line is lost in a rebuild', async () => {
  const ended = await keep();
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('/app/userdata is mounted: left alone');
  docker('stop', '-t', '0', worker());
  const lines = docker('exec', container('app'), 'cat', '/app/userdata/lines').split('\n');
  expect(lines).toEqual(lines.map((_, at) => String(at + 1)));
});

itInFull('refuses a release that moves PGDATA, before anything stops', async () => {
  const [before, running] = [identifier(), docker('inspect', '-f', '{{.Id}}', container('app'))];
  const back = edit((text) =>
    text.replace('environment:\n', 'environment:\n      - PGDATA=/var/lib/postgresql/data/pgdata\n'),
  );
  const ended = await keep();
  back();
  expect(ended.exitCode, ended.text).toBe(3);
  expect(ended.text).toMatch(/is in volume \S+_whalefall_postgres_data; the next container would look in pgdata/);
  expect(docker('inspect', '-f', '{{.Id}}', container('app'))).toBe(running);
  expect([identifier(), sql('SELECT * FROM kept'), await serving()]).toEqual([before, 'a row that must survive', true]);
});

itInFull('goes back to the very container when another cluster comes up that nobody could foresee', async () => {
  const before = [identifier(), docker('inspect', '-f', '{{.Id}}', container('postgres')), sql('SELECT * FROM kept')];
  const elsewhere = '["sh", "-c", "export PGDATA=/var/lib/postgresql/elsewhere; exec docker-entrypoint.sh postgres"]';
  const service = `    container_name: ${container('postgres')}\n`;
  const back = edit((text) => text.replace(service, `${service}    entrypoint: ${elsewhere}\n`));
  const ended = await keep();
  back();
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toMatch(/it is another cluster \(system identifier \d+ in \/var\/lib\/postgresql\/elsewhere/);
  expect(ended.text).toContain('Everything is as before');
  expect([identifier(), docker('inspect', '-f', '{{.Id}}', container('postgres')), sql('SELECT * FROM kept')]).toEqual(
    before,
  );
  expect(await serving()).toBe(true);
});

itInFull('finds the database in a volume that nothing mounts after `compose down` and a renamed key', async () => {
  const before = identifier();
  await sandbox.compose('down');
  const renamed = (text: string) => text.replaceAll('whalefall_postgres_data', 'postgres_files');
  const volume = `${sandbox.project}_whalefall_postgres_data`;
  const back = edit(renamed);
  const ended = await keep();
  expect(ended.exitCode, ended.text).toBe(3);
  expect(ended.text).toMatch(new RegExp(`A database is in volume ${volume} .*${before}`));
  back();
  const restored = edit((text) =>
    renamed(text).replace('  postgres_files:\n', `  postgres_files:\n    name: ${volume}\n`),
  );
  const again = await keep();
  expect(again.exitCode, again.text).toBe(0);
  expect([identifier(), sql('SELECT * FROM kept')]).toEqual([before, 'a row that must survive']);
  restored();
});

itInFull('takes the password from a secret’s file, as the official image does', async () => {
  const secret = path.join(root, 'password');
  const password = /^POSTGRES_PASSWORD='?([^'\n]*)/m.exec(
    readFileSync(path.join(sandbox.deployDir, '.env'), 'utf8'),
  )?.[1];
  writeFileSync(secret, `${password}\n`);
  const back = edit((text) => {
    const service = `    container_name: ${container('postgres')}\n`;
    const inFile = text
      .replace(/- POSTGRES_PASSWORD=.*/, '- POSTGRES_PASSWORD_FILE=/run/secrets/pw')
      .replace(service, `    secrets: [pw]\n${service}`);
    return `${inFile}\nsecrets:\n  pw:\n    file: ${secret}\n`;
  });
  const ended = await keep();
  back();
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).not.toContain(password ?? '?');
});

itInFull(
  'deletes by what is mounted where: a second volume that is listed first, a second database, a worker',
  async () => {
    sql('CREATE DATABASE other');
    const other = (query: string) =>
      docker('exec', container('postgres'), 'psql', '-XqAt', '-U', 'whalefall_user', '-d', 'other', '-c', query);
    other("CREATE TABLE things AS SELECT 'of another application' AS text");
    const dumps = `${sandbox.project}_dumps`;
    edit((text) =>
      text
        .replace(
          '    volumes:\n      - whalefall_postgres_data',
          '    volumes:\n      - dumps:/dumps\n      - whalefall_postgres_data',
        )
        .replace('  whalefall_redis_data:\n', '  dumps:\n    driver: local\n  whalefall_redis_data:\n'),
    );
    expect((await keep()).exitCode).toBe(0);
    docker('exec', container('postgres'), 'sh', '-c', 'echo a dump > /dumps/old.dump');

    const del = ['--data', 'delete', '--confirm', 'DELETE ALL DATA'];
    const running = docker('inspect', '-f', '{{.Id}}', container('app'));
    const held = await deploy(...del);
    expect(held.exitCode, held.text).toBe(3);
    expect(held.text).toMatch(new RegExp(`${userdata()} is also mounted by ${worker()}`));
    expect(docker('inspect', '-f', '{{.Id}}', container('app'))).toBe(running);

    docker('rm', '-f', '-v', worker());
    const ended = await deploy(...del);
    expect(ended.exitCode, ended.text).toBe(0);
    for (const named of [/database other +\S/, new RegExp(`volume +${dumps} `)]) expect(ended.text).toMatch(named);
    const backups = path.join(sandbox.deployDir, '.whalefall-ops', 'backups');
    const archive = readdirSync(backups).find((name) => name.endsWith('_whalefall_postgres_data')) ?? '';
    const common = ['--dir', sandbox.deployDir, '--config', path.join(root, 'target.json')];
    const taken = await runScript('backup-prod', ['create', '--from', archive, '--database', 'other', ...common]);
    expect(taken.exitCode, taken.text).toBe(0);
    const made = readdirSync(backups).find((name) => name.endsWith('Z-other')) ?? '';
    const manifest = readFileSync(path.join(backups, made, 'manifest.json'), 'utf8');
    expect(JSON.parse(manifest).contents.tables).toMatchObject([{ schema: 'public', name: 'things', rows: 1 }]);
  },
);
