import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import type { ComposeFile, ServiceFile } from './model/compose-file.ts';
import { type Deployment, deployment, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { backByImage, rebuilt } from './model/rebuilt.ts';
import { NEW_REVISION, release } from './model/release.ts';

vi.setConfig({ testTimeout: 60_000 });

const KEEP = ['--yes', '--data', 'keep'];
const DELETE = ['--yes', '--data', 'delete', '--confirm', 'DELETE ALL DATA'];
const KEYS = ['postgres', 'redis', 'whalefall'] as const;

const ids = (d: Deployment) => KEYS.map((key) => d.container(key)?.id);
const asideOf = (d: Deployment) => d.machine.engine.containers.filter(({ name }) => /-(next|before)-/.test(name));
const edited = (d: Deployment, key: (typeof KEYS)[number], edit: (service: ServiceFile) => void) =>
  d.editCompose(({ services }: ComposeFile) => edit(services[key] as ServiceFile));
/** The survey can bind it, the engine can't any more. */
const LOST = '203.0.113.9';
async function losing(): Promise<Deployment> {
  const d = await production();
  d.machine.engine.addresses.add(LOST);
  d.machine.engine.vanishing.add(LOST);
  return d;
}
const elsewhere = (service: ServiceFile) => {
  for (const port of service.ports ?? []) port.host_ip = LOST;
};

it.each([
  ['publishes on an address that is lost meanwhile', 'whalefall', elsewhere],
  ['runs another program', 'whalefall', (s: ServiceFile) => Object.assign(s, { command: 'sleep infinity' })],
  ['publishes Redis on such an address', 'redis', elsewhere],
  ['publishes PostgreSQL on such an address', 'postgres', elsewhere],
] as const)('the very containers that served do so again when the compose file %s', async (_what, key, edit) => {
  const d = await losing();
  const before = ids(d);
  edited(d, key, edit);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ids(d)).toEqual(before);
  expect(asideOf(d)).toEqual([]);
});

it('a store that is not what the compose file says any more is replaced, and goes when the new one is proved', async () => {
  const d = await production();
  const before = ids(d);
  edited(d, 'redis', (redis) => Object.assign(redis, { labels: { team: 'ops' } }));
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  expect(ids(d)[0]).toBe(before[0]);
  expect(before).not.toContain(ids(d)[1]);
  expect(d.volume('redis')?.files['appendonly.aof']).toBe('keys of users');
  expect(d.machine.engine.containers).toHaveLength(3);
});

it('after a deletion the stores are made again of what they were, and the application is the very one that served', async () => {
  const d = await production();
  const before = KEYS.map((key) => d.container(key));
  d.editCompose(({ services }: ComposeFile) => {
    for (const service of Object.values(services)) service.labels = { changed: 'yes' };
  });
  d.machine.release = release('broken', { neverHealthy: true });
  const ended = await runAndCheck(d, DELETE);
  expect(ended.exitCode, ended.text).toBe(1);
  const after = KEYS.map((key) => d.container(key));
  expect(after.map((c) => [c?.name, c?.labels, c?.env, c?.command])).toEqual(
    before.map((c) => [c?.name, c?.labels, c?.env, c?.command]),
  );
  expect(after[2]?.id).toBe(before[2]?.id);
});

it('a plain `docker compose up -d` leaves alone what was deployed', async () => {
  const d = await production();
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  const deployed = ids(d);
  await d.byHand('up -d --no-deps --no-build --pull never postgres redis whalefall');
  expect(ids(d)).toEqual(deployed);
});

it('says how to go back by hand, by ids alone', async () => {
  const d = await losing();
  const [, , app = ''] = ids(d);
  edited(d, 'whalefall', elsewhere);
  d.machine.override = (_call, typed) =>
    new RegExp(`^docker start ${app}`).test(typed) ? { exitCode: 1, stderr: 'no\n' } : undefined;
  const { exitCode, text } = await runAndCheck(d, KEEP);
  expect(exitCode).toBe(6);
  d.machine.override = () => undefined;
  const commands = text.split('\n').flatMap((line) => /^→? *(docker (?:stop|rename|start) .*)$/.exec(line)?.[1] ?? []);
  expect(commands.at(-1)).toBe(`docker start ${app.slice(0, 12)}`);
  expect(text).not.toMatch(/^→ docker compose/m);
});

it('goes back to a former release although the compose file has changed since', async () => {
  const d = deployment();
  await rebuilt(d);
  edited(d, 'whalefall', elsewhere);
  const ended = await backByImage(d, ['previous', '--way', 'image', '--yes'], {});
  expect(ended.exitCode, ended.text).toBe(0);
});

it('the former release serves again with the .env that it was started with, and the database’s former password', async () => {
  const d = await production();
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  const [, , app] = ids(d);
  const env = readFileSync(path.join(d.dir, '.env'), 'utf8');
  d.writeEnv(env.replace('sentinel-postgres-4f1c9a', 'sentinel-another-4711'));
  d.machine.release = release('broken', { neverHealthy: true });
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toMatch(
    /\.env was changed since the release that serves was started: POSTGRES_PASSWORD, DATABASE_URL\./,
  );
  expect(ids(d)[2]).toBe(app);
  expect(readFileSync(path.join(d.dir, '.env'), 'utf8')).toBe(env);
  const [aside = ''] = d.files().filter((f) => path.basename(f) === 'env-set-aside');
  expect(readFileSync(aside, 'utf8')).toContain('sentinel-another-4711');
  expect(statSync(aside).mode & 0o777).toBe(0o600);
  // With a release that works, the changed one is right.
  d.machine.release = release('good');
  d.writeEnv(readFileSync(aside, 'utf8'));
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
});

it('the former release serves again though its .env could not be put back, and that is said', async () => {
  const d = await production();
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  const [, , app] = ids(d);
  const file = path.join(d.dir, '.env');
  d.writeEnv(readFileSync(file, 'utf8').replace(/^LOG_LEVEL=.*$/m, 'LOG_LEVEL=DEBUG'));
  d.machine.release = release('broken', { neverHealthy: true });
  let stops = 0;
  d.machine.override = (_call, typed) => {
    // The new one is stopped: from here on it is gone back.
    if (typed.startsWith('docker stop')) stops += 1;
    if (stops === 2 && existsSync(file)) renameSync(file, `${file}.gone`);
    return undefined;
  };
  const ended = await d.run(KEEP);
  expect(ended, ended.text).toMatchObject({ exitCode: 6, text: expect.stringMatching(/ENOENT.*\.env/) });
  expect(d.container('whalefall')).toMatchObject({ id: app, state: 'running' });
});

it('says beforehand that going back would read a changed .env of which no former one is kept', async () => {
  const d = await production();
  d.writeEnv(readFileSync(path.join(d.dir, '.env'), 'utf8').replace('LOG_LEVEL=INFO', 'LOG_LEVEL=DEBUG'));
  const { exitCode, text } = await d.run(['--plan']);
  expect(exitCode).toBe(0);
  expect(text).toMatch(
    /\.env or the compose file gives other variables than the container that serves was made with \(LOG_LEVEL\)/,
  );
});

it('a wreck whose mount is gone, so that nothing of it can be read or started, is rebuilt with its userdata', async () => {
  const d = await production();
  const wreck = d.container('whalefall');
  if (!wreck) throw new Error('there is no application');
  d.machine.engine.stop(wreck);
  wreck.brokenMount = true;
  d.machine.release = release('broken', { neverHealthy: true });
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 1 });
  expect(d.container('whalefall')).toBe(wreck);
  d.machine.release = release('good');
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(d.userdata).toEqual({ '/app/userdata/upload.txt': 'an upload' });
  expect(d.machine.engine.containers).toHaveLength(3);
  expect(d.machine.engine.images.flatMap(({ tags }) => [...tags]).filter((t) => t.includes('userdata'))).toEqual([]);
});

it('a wreck of which nothing at all can be read is rebuilt once it is agreed that its userdata is lost', async () => {
  const d = await production();
  const wreck = d.container('whalefall');
  if (!wreck) throw new Error('there is no application');
  d.machine.engine.stop(wreck);
  wreck.brokenLayer = true;
  const plan = await runAndCheck(d, [...KEEP, '--plan']);
  expect(plan).toMatchObject({
    exitCode: 0,
    changes: [],
    text: expect.stringMatching(/userdata: docker cp can’t read/),
  });
  for (const answer of [[], ['--confirm', 'lose userdata'], ['--confirm', 'DELETE ALL DATA']]) {
    const declined = await runAndCheck(d, [...KEEP, ...answer]);
    expect(declined.exitCode, declined.text).toBe(4);
    expect(declined.text).toMatch(
      /will be lost[\s\S]*prod_whalefall_prod \(\w+, exited\)[\s\S]*uploads.*[\s\S]*error creating overlay mount/,
    );
    expect(declined.text).toMatch(/--confirm "LOSE USERDATA"/);
    expect(d.container('whalefall')).toBe(wreck);
  }
  const ended = await runAndCheck(d, [...KEEP, '--confirm', 'LOSE USERDATA']);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/userdata +lost with consent/);
  expect(d.machine.engine.containers).toHaveLength(3);
});

it('what is proved is not taken back because the containers that it replaced can not be listed', async () => {
  const [learned, d] = [await production(), await production()];
  const { points } = await learned.run(KEEP);
  const removed = points.findLastIndex((p) => p.label.startsWith('docker rm'));
  const last = points.findLastIndex((p, at) => at < removed && p.label.startsWith('docker ps -a '));
  const before = d.container('whalefall')?.id;
  const ended = await d.run(KEEP, { fault: { ...(points[last] as (typeof points)[number]), how: 'fails' } });
  expect(ended).toMatchObject({ exitCode: 0, struck: true });
  expect(d.container('whalefall')?.id).not.toBe(before);
});

it('what is proved and recorded is not taken back by a Ctrl-C in what comes after it', async () => {
  const migrated = async () => {
    const d = await production();
    d.machine.release = release('new', { head: NEW_REVISION });
    edited(d, 'postgres', (postgres) => Object.assign(postgres, { labels: { team: 'ops' } }));
    return d;
  };
  const { points } = await (await migrated()).run(KEEP);
  // Containers and images that went, what sorts otherwise, and the last look into those that are kept.
  const kinds = [/^docker rm /, / psql /, /^docker run .*--entrypoint test /];
  const after = kinds.flatMap((kind) => points.filter((p) => kind.test(p.label)).slice(-2));
  expect(after.length).toBeGreaterThanOrEqual(kinds.length);
  for (const point of after) {
    const d = await migrated();
    const ended = await runAndCheck(d, KEEP, { fault: { ...point, how: 'interrupted-after' } });
    expect(ended, point.label).toMatchObject({ struck: true, exitCode: 0 });
  }
});

it('brings the former container back from one that ends at its start again and again, which the engine does not rename meanwhile', async () => {
  const d = await production();
  const before = d.container('whalefall')?.id;
  d.machine.release = release('new', { exitsInPlace: true });
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(d.container('whalefall')?.id).toBe(before);
});
