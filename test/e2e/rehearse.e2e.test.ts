import { exec, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readDrills } from '../../lib/runbook/drills.ts';
import { createFreshSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { startLoad } from '../support/load.ts';
import { type Ended, launchScript, type Running, runScript } from '../support/run-script.ts';
import { itInFull, some } from './thorough.ts';

// One stack that serves all the time, under a light load, and is to notice nothing of any drill.
const root = mkdtempSync(path.join(os.tmpdir(), 'wfops-drill-'));
let sandbox: Sandbox;
let release = '';

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const lines = (text: string) => text.split('\n').filter(Boolean).sort();
const state = () => path.join(sandbox.deployDir, '.whalefall-ops');
const drills = () => readDrills({ backups: path.join(state(), 'backups') });
const common = () => ['--dir', sandbox.deployDir, '--config', path.join(root, 'target.json')];
const rehearse = (...args: string[]) => runScript('rehearse', [...common(), ...args]);
const ofDrills = () => ['--filter', `label=whalefall-ops.state=${state()}`];

/** Everything that a drill could leave, of this deploy directory or at all. */
const traces = () => ({
  containers: lines(docker('ps', '-aq', ...ofDrills())),
  networks: lines(docker('network', 'ls', '-q', ...ofDrills())),
  images: lines(docker('image', 'ls', '-q', ...ofDrills())),
  volumes: ownVolumes(),
});
/** Anonymous ones have no label, so those that only this project's or a drill's containers have, and those that none has. */
const ownVolumes = () => lines(docker('volume', 'ls', '-q', '--filter', 'dangling=true'));
const production = () =>
  lines(
    docker(
      ...['inspect', '-f', '{{.Id}} {{.State.StartedAt}} {{.RestartCount}} {{.State.Status}}'],
      ...lines(docker('ps', '-aq', '--filter', `label=com.docker.compose.project=${sandbox.project}`)),
    ),
  );

/** Runs it while users go on asking, and sees that neither they nor production's containers noticed, and that nothing is left. */
async function unnoticed(deed: () => Promise<Ended>, alsoLater?: () => Promise<void>): Promise<Ended> {
  const before = { traces: traces(), production: production() };
  const load = await startLoad(`${sandbox.url}/api/v1/health/basic`, '--rate', '10');
  let ended: Ended;
  try {
    ended = await deed();
    await alsoLater?.();
  } finally {
    const { sent, failed, p99Ms } = await load.stop();
    console.log(`load: ${sent} sent, ${failed} failed, p99 ${p99Ms} ms`);
    expect(failed).toBe(0);
  }
  expect(production()).toEqual(before.production);
  expect(traces(), ended.text).toEqual(before.traces);
  return ended;
}

const stepBegins = (running: Running, id: string) => running.shows(new RegExp(`"event":"step","id":"${id}"`));

beforeAll(async () => {
  const ports = { http: 28440, direct: 28441, postgres: 28442, redis: 28443 };
  sandbox = await createFreshSandbox({ name: 'wfops-drill', root, ports });
  writeFileSync(path.join(root, 'target.json'), JSON.stringify({ bootSeconds: 15 }));
  sandbox.writeEnv();
  const file = path.join(sandbox.deployDir, 'docker-compose.prod.yml');
  const compose = readFileSync(file, 'utf8').replace('interval: 30s', 'interval: 2s');
  release = await sandbox.release({ files: { 'docker-compose.prod.yml': compose } });
  await sandbox.pull();
  const first = await runScript('deploy-prod-all', [...common(), '--yes']);
  expect(first.exitCode, first.text).toBe(0);
});

afterAll(async () => {
  await sandbox?.down();
  rmSync(root, { recursive: true, force: true });
});

it('has nothing to rehearse with: exit code 3, and what to type', async () => {
  const ended = await unnoticed(() => rehearse());
  expect(ended.exitCode, ended.text).toBe(3);
  expect(ended.text).toContain('backup-prod.ts create');
  expect(drills()).toEqual([]);
});

it('recovers from the newest backup, and tells how long that took; nobody else notices', async () => {
  // A second deployment with data takes a backup.
  const second = await runScript('deploy-prod-all', [...common(), '--yes', '--data', 'keep']);
  expect(second.exitCode, second.text).toBe(0);
  expect(second.text).toMatch(/last drill +no drill yet: .*npx tsx scripts\/rehearse\.ts/);

  const watched: string[] = [];
  const ended = await unnoticed(async () => {
    const running = launchScript('rehearse', [...common(), '--json']);
    await stepBegins(running, 'migrate');
    const ids = lines(docker('ps', '-q', ...ofDrills()));
    watched.push(...ids.map((id) => docker('inspect', id)));
    await stepBegins(running, 'boot');
    await expect.poll(() => reachesThisMachine(), { timeout: 20_000 }).toBe('no');
    return running.ended;
  });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('Rehearsed and proved');
  const [drill] = drills();
  expect(drill).toMatchObject({ outcome: 'recovered', commit: release, migrations: [], failed: null });
  expect(drill?.took.recover).toBeGreaterThan(drill?.took.restore ?? Number.POSITIVE_INFINITY);
  expect(drill?.dataAge).toBeGreaterThan(0);

  expect(watched.length).toBeGreaterThanOrEqual(2);
  for (const text of watched) {
    const [container] = JSON.parse(text);
    expect(container.HostConfig.PortBindings ?? {}).toEqual({});
    expect(container.HostConfig).toMatchObject({ OomScoreAdj: 1000, CpuShares: 128, RestartPolicy: { Name: 'no' } });
    expect(container.HostConfig.Binds ?? []).toEqual([]);
    expect(Object.keys(container.NetworkSettings.Networks)).toHaveLength(1);
    expect(JSON.stringify(container.Config.Labels)).not.toContain('com.docker.compose');
    // The environment is where a container's secrets are, production's own as well; nowhere else.
    const { Env, ...config } = container.Config;
    const others = JSON.stringify({ ...container, Config: config });
    for (const secret of secrets()) expect(others).not.toContain(secret);
    for (const secret of passwords()) expect(JSON.stringify(Env)).not.toContain(secret);
  }
  const plan = await runScript('update-prod-flask', [...common(), '--plan', '--ref', release]);
  expect(plan.text).toMatch(/Nothing to do|last drill +\d+ s ago: recovered in \d+ s/);
});

/** Whether the drill's application finds a way to something that listens here on all addresses, as production's ports may. */
async function reachesThisMachine(): Promise<'yes' | 'no' | 'not there'> {
  const [id] = lines(docker('ps', '-q', ...ofDrills(), '--filter', 'name=-app'));
  if (!id) return 'not there';
  const gateway = docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}', id);
  const here = createServer((_request, response) => void response.end('reached'));
  await new Promise<void>((resolve) => here.listen(0, '0.0.0.0', resolve));
  const { port } = here.address() as AddressInfo;
  const curl = `docker exec ${id} curl -s -m 2 http://${gateway}:${port}/ || :`;
  try {
    const { stdout } = await promisify(exec)(curl);
    return stdout === 'reached' ? 'yes' : 'no';
  } finally {
    here.close();
  }
}

/** Production's: the drill's stores must not even have these two. */
const passwords = () => secrets().filter((_, i) => i < 2);
const secrets = () => {
  const env = readFileSync(path.join(sandbox.deployDir, '.env'), 'utf8');
  const of = (name: string) => new RegExp(`^${name}=["']?(.*?)["']?$`, 'm').exec(env)?.[1] ?? '?';
  return ['POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'PASSWORD_ENCRYPTION_KEY', 'SECRET_KEY'].map(of);
};

it('wrote no secret into its journal, its log or the record, and showed none', () => {
  const runs = readdirSync(path.join(state(), 'runs')).filter((run) => run.endsWith('-rehearse'));
  const files = runs.flatMap((run) => ['journal', 'log'].map((name) => path.join(state(), 'runs', run, name)));
  for (const file of [...files, path.join(state(), 'drills')].filter((f) => existsSync(f)))
    for (const secret of secrets()) expect(readFileSync(file, 'utf8').includes(secret), file).toBe(false);
});

describe('what a drill finds out before there is a disaster', () => {
  it('a damaged backup: exit code 1, with the reason', async () => {
    const backups = path.join(state(), 'backups');
    const [good = ''] = readdirSync(backups).sort().reverse();
    const dir = path.join(root, 'elsewhere', good);
    cpSync(path.join(backups, good), dir, { recursive: true });
    const dump = path.join(dir, readdirSync(dir).find((name) => name.endsWith('.dump')) ?? '');
    const bytes = readFileSync(dump);
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
    writeFileSync(dump, bytes);
    const ended = await unnoticed(() => rehearse('--backup', dir));
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toContain('is not the file that was written');
    expect(ended.text).toContain('Production was not touched');
    expect(drills().at(-1)).toMatchObject({ outcome: 'failed', failed: { step: 'stores' } });
  });

  it('a commit with good migrations: built, migrated, its longest lock told', async () => {
    const commit = await sandbox.release({ on: release, migrations: ['20260601110000_slow'] });
    const ended = await unnoticed(() => rehearse('--ref', commit));
    expect(ended.exitCode, ended.text).toBe(0);
    expect(drills().at(-1)).toMatchObject({ outcome: 'recovered', commit, migrations: ['20260601110000'] });
    // It holds its lock for ten seconds.
    const lock = drills().at(-1)?.longestLock;
    expect(lock).toMatchObject({ table: 'public.notes', mode: 'AccessExclusiveLock' });
    expect(lock?.milliseconds).toBeGreaterThan(9_500);
    expect(lock?.milliseconds).toBeLessThan(15_000);
  });

  it('a commit whose migration fails', async () => {
    const commit = await sandbox.release({ on: release, migrations: ['20260601100000_fails_halfway'] });
    const ended = await unnoticed(() => rehearse('--ref', commit));
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toContain('no_such_table');
    expect(drills().at(-1)).toMatchObject({ outcome: 'failed', commit, failed: { step: 'migrate' } });
  });

  itInFull('a commit that does not boot', async () => {
    const commit = await sandbox.release({ on: release, exit_at_start: true });
    const ended = await unnoticed(() => rehearse('--ref', commit));
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toContain('release.json: exit_at_start');
    expect(drills().at(-1)).toMatchObject({ outcome: 'failed', commit, failed: { step: 'boot' } });
  });

  itInFull('a commit that answers 200 and is not healthy', async () => {
    const commit = await sandbox.release({ on: release, deep_unhealthy: true });
    const ended = await unnoticed(() => rehearse('--ref', commit));
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toContain('status unhealthy');
  });
});

describe('a drill that does not come to its end', () => {
  let recorded = 0;
  beforeEach(() => {
    recorded = drills().length;
  });

  const interrupted = [
    ['SIGINT', 'stores', 130],
    ['SIGINT', 'restore', 130],
    ['SIGTERM', 'boot', 143],
  ] as const;
  it.each(some(interrupted, 1))('%s in %s leaves nothing behind', async (signal, step, exitCode) => {
    const ended = await unnoticed(async () => {
      const running = launchScript('rehearse', [...common(), '--json']);
      await stepBegins(running, step);
      running.signal(signal);
      return running.ended;
    });
    expect(ended.exitCode, ended.text).toBe(exitCode);
    expect(drills()).toHaveLength(recorded);
  });

  it('killed: the next start of any script removes what it left', async () => {
    await unnoticed(
      async () => {
        const running = launchScript('rehearse', [...common(), '--json']);
        await stepBegins(running, 'restore');
        running.signal('SIGKILL');
        const ended = await running.ended;
        expect(traces().containers.length).toBeGreaterThan(0);
        return ended;
      },
      async () => {
        // It asks first whether it may, and is not told: nothing but the leftovers is touched.
        const next = await runScript('restore-prod', common());
        expect(next.exitCode, next.text).toBe(4);
      },
    );
  });

  it('gives way to a run that changes something, which is not kept waiting: exit code 5', async () => {
    const ended = await unnoticed(async () => {
      const running = launchScript('rehearse', [...common(), '--json']);
      await stepBegins(running, 'restore');
      const other = await runScript('restore-prod', common());
      expect(other.exitCode, other.text).toBe(4); // asked, not locked out
      return running.ended;
    });
    expect(ended.exitCode, ended.text).toBe(5);
    expect(ended.text).toContain('gave way: restore-prod');
    expect(drills()).toHaveLength(recorded);
  });

  it('is one at a time', async () => {
    const holder = launchScript('rehearse', [...common(), '--json']);
    await stepBegins(holder, 'stores');
    const second = await rehearse();
    expect(second.exitCode, second.text).toBe(5);
    holder.signal('SIGINT');
    await holder.ended;
  });
});
