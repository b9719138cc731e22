import { exec } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readDrills } from '../../lib/domain/ledger/drills.ts';
import { startLoad } from '../support/load.ts';
import { type Ended, launchScript, runScript } from '../support/run-script.ts';
import { sharedStack } from './shared.ts';
import { itInFull, some } from './thorough.ts';
import { stepBegins } from './update/disturb.ts';
import { docker, type Stack } from './update/stack.ts';

// One stack that serves all the time, under a light load, and is to notice nothing of any drill.
let stack: Stack;

const lines = (text: string) => text.split('\n').filter(Boolean).sort();
const state = () => stack.state;
const drills = () => readDrills({ backups: path.join(state(), 'backups') });
const common = () => ['--dir', stack.sandbox.deployDir, '--config', stack.config];
const rehearse = (...args: string[]) => runScript('rehearse', [...common(), ...args]);
const ofDrills = () => ['--filter', `label=whalefall-ops.state=${state()}`];

/** Everything that a drill could leave, of this deploy directory or at all. */
const traces = () => ({
  containers: lines(docker('ps', '-aq', ...ofDrills())),
  networks: lines(docker('network', 'ls', '-q', ...ofDrills())),
  images: lines(docker('image', 'ls', '-q', ...ofDrills())),
});
/** Anonymous ones have no label, so those of the drill's containers, while there are any. */
const drillsVolumes = () =>
  lines(docker('ps', '-aq', ...ofDrills())).flatMap((id) =>
    lines(docker('inspect', '-f', '{{range .Mounts}}{{if .Name}}{{.Name}}{{"\\n"}}{{end}}{{end}}', id)),
  );
const existing = (volumes: readonly string[]) => {
  const all = lines(docker('volume', 'ls', '-q'));
  return volumes.filter((name) => all.includes(name));
};
const production = () =>
  lines(
    docker(
      ...['inspect', '-f', '{{.Id}} {{.State.StartedAt}} {{.RestartCount}} {{.State.Status}}'],
      ...lines(docker('ps', '-aq', '--filter', `label=com.docker.compose.project=${stack.sandbox.project}`)),
    ),
  );

/** Runs it while users go on asking, and sees that neither they nor production's containers noticed, and that nothing is left. */
async function unnoticed(deed: () => Promise<Ended>, alsoLater?: () => Promise<void>): Promise<Ended> {
  const before = { traces: traces(), production: production() };
  const load = await startLoad(`${stack.sandbox.url}/api/v1/health/basic`, '--rate', '10');
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

beforeAll(async () => {
  stack = await sharedStack();
});

it('has nothing to rehearse with: exit code 3, and what to type', async () => {
  const [backups, aside] = [path.join(state(), 'backups'), path.join(state(), 'backups-aside')];
  mkdirSync(backups, { recursive: true });
  renameSync(backups, aside);
  try {
    const ended = await unnoticed(() => rehearse());
    expect(ended.exitCode, ended.text).toBe(3);
    expect(ended.text).toContain('backup-prod.ts create');
    expect(drills()).toEqual([]);
  } finally {
    renameSync(aside, backups);
  }
});

it('recovers from the newest backup, and tells how long that took; nobody else notices', async () => {
  const { commit } = stack.current;
  const backup = await runScript('backup-prod', ['create', ...common()]);
  expect(backup.exitCode, backup.text).toBe(0);
  const before = await runScript('deploy-prod-all', [...common(), '--plan', '--data', 'keep']);
  expect(before.text).toMatch(/last drill +no drill yet: .*npx tsx scripts\/rehearse\.ts/);

  const watched: string[] = [];
  let volumes: readonly string[] = [];
  const ended = await unnoticed(async () => {
    const running = launchScript('rehearse', [...common(), '--json']);
    await stepBegins(running, 'migrate');
    const ids = lines(docker('ps', '-q', ...ofDrills()));
    watched.push(...ids.map((id) => docker('inspect', id)));
    volumes = drillsVolumes();
    await stepBegins(running, 'boot');
    await expect.poll(() => reachesThisMachine(), { timeout: 20_000 }).toBe('no');
    return running.ended;
  });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('Rehearsed and proved');
  const [drill] = drills();
  expect(drill).toMatchObject({ outcome: 'recovered', commit, migrations: [], failed: null });
  expect(drill?.took.recover).toBeGreaterThan(drill?.took.restore ?? Number.POSITIVE_INFINITY);
  expect(drill?.dataAge).toBeGreaterThan(0);

  expect(existing(volumes)).toEqual([]);
  expect(watched.length).toBeGreaterThanOrEqual(2);
  for (const text of watched) {
    const [container] = JSON.parse(text);
    expect(container.HostConfig.PortBindings ?? {}).toEqual({});
    expect(container.HostConfig).toMatchObject({ OomScoreAdj: 1000, CpuShares: 128, RestartPolicy: { Name: 'no' } });
    expect(container.HostConfig.Binds ?? []).toEqual([]);
    expect(Object.keys(container.NetworkSettings.Networks)).toHaveLength(1);
    // Whatever its image's labels say, it is no service's.
    expect(container.Config.Labels).toMatchObject({ 'com.docker.compose.oneoff': 'True' });
    // The environment is where a container's secrets are, production's own as well; nowhere else.
    const { Env, ...config } = container.Config;
    const others = JSON.stringify({ ...container, Config: config });
    for (const secret of secrets()) expect(others).not.toContain(secret);
    for (const secret of passwords()) expect(JSON.stringify(Env)).not.toContain(secret);
  }
  const plan = await runScript('update-prod-flask', [...common(), '--plan', '--ref', commit]);
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
  const env = readFileSync(path.join(stack.sandbox.deployDir, '.env'), 'utf8');
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
  itInFull('a damaged backup: exit code 1, with the reason', async () => {
    const backups = path.join(state(), 'backups');
    const [good = ''] = readdirSync(backups).sort().reverse();
    const dir = path.join(stack.root, 'elsewhere', good);
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

  itInFull('a commit with good migrations: built, migrated, its longest lock told', async () => {
    const { commit } = await stack.release({ migrations: ['20260601110000_slow'] });
    const ended = await unnoticed(() => rehearse('--ref', commit));
    expect(ended.exitCode, ended.text).toBe(0);
    expect(drills().at(-1)).toMatchObject({ outcome: 'recovered', commit, migrations: ['20260601110000'] });
    // It holds its lock for ten seconds.
    const lock = drills().at(-1)?.longestLock;
    expect(lock).toMatchObject({ table: 'public.notes', mode: 'AccessExclusiveLock' });
    expect(lock?.milliseconds).toBeGreaterThan(5_000);
  });

  itInFull('a commit whose migration fails', async () => {
    const { commit } = await stack.release({ migrations: ['20260601100000_fails_halfway'] });
    const ended = await unnoticed(() => rehearse('--ref', commit));
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toContain('no_such_table');
    expect(drills().at(-1)).toMatchObject({ outcome: 'failed', commit, failed: { step: 'migrate' } });
  });

  itInFull('a commit that is older than the schema', async () => {
    const newest = 'migrations/versions/20251231120100_permission_introduced_in.py';
    const { commit } = await stack.release({ files: { [newest]: null } });
    const ended = await unnoticed(() => rehearse('--ref', commit));
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toMatch(/older than the schema of the backup: its migrations end at 20251231120000/);
    expect(drills().at(-1)).toMatchObject({ outcome: 'failed', commit, failed: { step: 'migrate' } });
  });

  itInFull('a commit that does not boot', async () => {
    const { commit } = await stack.release({ exit_at_start: true });
    const ended = await unnoticed(() => rehearse('--ref', commit));
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toContain('release.json: exit_at_start');
    expect(drills().at(-1)).toMatchObject({ outcome: 'failed', commit, failed: { step: 'boot' } });
  });

  itInFull('a commit that answers 200 and is not healthy', async () => {
    const { commit } = await stack.release({ deep_unhealthy: true });
    stack.patience(15);
    const ended = await unnoticed(() => rehearse('--ref', commit)).finally(() => stack.patience());
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
  it.each(some(interrupted))('%s in %s leaves nothing behind', async (signal, step, exitCode) => {
    const ended = await unnoticed(async () => {
      const running = launchScript('rehearse', [...common(), '--json']);
      await stepBegins(running, step);
      running.signal(signal);
      return running.ended;
    });
    expect(ended.exitCode, ended.text).toBe(exitCode);
    expect(drills()).toHaveLength(recorded);
  });

  itInFull('killed: the next start of any script removes what it left', async () => {
    let volumes: readonly string[] = [];
    await unnoticed(
      async () => {
        const running = launchScript('rehearse', [...common(), '--json']);
        await stepBegins(running, 'restore');
        running.signal('SIGKILL');
        const ended = await running.ended;
        expect(traces().containers.length).toBeGreaterThan(0);
        volumes = drillsVolumes();
        return ended;
      },
      async () => {
        // It asks first whether it may, and is not told: nothing but the leftovers is touched.
        const next = await runScript('restore-prod', common());
        expect(next.exitCode, next.text).toBe(4);
      },
    );
    expect(existing(volumes)).toEqual([]);
  });

  itInFull('gives way to a run that changes something, which is not kept waiting: exit code 5', async () => {
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

  itInFull('is one at a time', async () => {
    const holder = launchScript('rehearse', [...common(), '--json']);
    await stepBegins(holder, 'stores');
    const second = await rehearse();
    expect(second.exitCode, second.text).toBe(5);
    holder.signal('SIGINT');
    await holder.ended;
  });
});
