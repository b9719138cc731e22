import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { keptEnv } from '../../lib/domain/images/kept-container.ts';
import { readReleases } from '../../lib/domain/ledger/releases.ts';
import { applyEnv } from '../../scripts/apply-env.ts';
import { type Deployment, deployment } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { release } from './model/release.ts';
import { appOf, UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

const YES = ['--yes'];
const SCRIPT = { script: applyEnv };
const env = (d: Deployment) => readFileSync(path.join(d.dir, '.env'), 'utf8');
const edit = (d: Deployment, name: string, value: string) =>
  d.writeEnv(env(d).replace(new RegExp(`^${name}=.*$`, 'm'), `${name}=${value}`));

/** A release of ours serves, and somebody has changed `.env`. */
async function changed(): Promise<Deployment> {
  const d = await updatable();
  const ended = await runAndCheck(d, ['--yes', '--data', 'keep']);
  if (ended.exitCode !== 0) throw new Error(ended.text);
  edit(d, 'LOG_LEVEL', 'DEBUG');
  return d;
}

it('gives the application the changed variables, without a build, and with its userdata', async () => {
  const d = await changed();
  const before = appOf(d);
  const ended = await runAndCheck(d, YES, SCRIPT);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/changed in \.env +LOG_LEVEL\n/);
  expect(ended.text).toContain('Applied and proved');
  expect(ended.changes.filter((c) => / build | pull |pg_dump| upgrade/.test(c))).toEqual([]);
  const after = appOf(d);
  expect(after.id).not.toBe(before.id);
  expect(after.image.id).toBe(before.image.id);
  expect(after.env).toMatchObject({ LOG_LEVEL: 'DEBUG' });
  expect(d.userdata['report.csv'] ?? d.userdata['/app/userdata/report.csv']).toBeDefined();
  expect(await d.run(YES, SCRIPT)).toMatchObject({
    exitCode: 0,
    changes: [],
    text: expect.stringContaining('Nothing to do'),
  });
});

it('takes the code that runs along, also what came by a hot update', async () => {
  const d = await updatable();
  expect(await d.run(['--yes', '--soak', '2s'], { script: UPDATE })).toMatchObject({ exitCode: 0 });
  const now = release('new');
  edit(d, 'LOG_LEVEL', 'DEBUG');
  const ended = await d.run(YES, SCRIPT);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain(now.commit.slice(0, 10));
  expect(new Set(appOf(d).app?.web?.workers.map((w) => w.content))).toEqual(new Set([now.commit]));
});

const MAIL = 'MAIL_HOST=mail-of-today\n';

it.each<[string, (text: string) => string, (text: string) => string, string, string | undefined]>([
  ['added', (text) => text, (text) => text + MAIL, 'MAIL_HOST', 'mail-of-today'],
  ['taken out', (text) => text + MAIL, (text) => text.replace(MAIL, ''), 'MAIL_HOST', undefined],
  [
    'changed that compose makes another of',
    (text) => text,
    (text) => text.replace(/^FLASK_ENV=.*$/m, 'FLASK_ENV=staging'),
    'FLASK_ENV',
    'staging',
  ],
])('sees a variable that was %s, where no script of ours deployed', async (_how, from, to, name, value) => {
  const d = await updatable();
  d.writeEnv(from(env(d)));
  await d.byHand('up -d --no-deps --no-build --pull never whalefall');
  await d.machine.clock.sleep(60_000);
  d.writeEnv(to(env(d)));
  for (const args of [['--plan'], YES]) {
    const ended = await d.run(args, SCRIPT);
    expect(ended.exitCode, ended.text).toBe(0);
    expect(ended.text).toMatch(new RegExp(`changed in \\.env or the compose file +${name}\n`));
    expect(ended.text).not.toContain('mail-of-today');
  }
  expect(appOf(d).env[name]).toBe(value);
  expect(await d.run(YES, SCRIPT)).toMatchObject({ exitCode: 0, text: expect.stringContaining('Nothing to do') });
});

it('says of a .env that was never kept no more than it knows', async () => {
  const d = await updatable();
  const ended = await d.run(YES, SCRIPT);
  expect(ended).toMatchObject({ exitCode: 0, changes: [] });
  expect(ended.text).toContain('the former one is not kept yet');
  expect(ended.text).not.toContain('was made with the present .env');
});

/** A variable of `.env` came, and then a hot update; now it is taken out. */
async function takenOut(): Promise<Deployment> {
  const d = await changed();
  d.writeEnv(env(d) + MAIL);
  expect(await runAndCheck(d, YES, SCRIPT)).toMatchObject({ exitCode: 0 });
  const newer = release('newer');
  d.machine.engine.releases.set(newer.commit, newer);
  d.machine.repository?.push(newer, 1);
  expect(await d.run(['--yes', '--soak', '2s'], { script: UPDATE })).toMatchObject({ exitCode: 0 });
  d.writeEnv(env(d).replace(MAIL, ''));
  return d;
}

it('takes a variable out of a container that was hot-updated', async () => {
  const d = await takenOut();
  const ended = await d.run(YES, SCRIPT);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(appOf(d).env.MAIL_HOST).toBeUndefined();
  expect(appOf(d).image.env?.MAIL_HOST).toBeUndefined();
});

it('refuses to take a variable out where the image would bring it back', async () => {
  const d = await takenOut();
  const { image } = appOf(d);
  Object.assign(image, { env: { ...image.env, MAIL_HOST: 'mail-of-today' } }); // by a version that gave it the container's
  const ended = await d.run(YES, SCRIPT);
  expect(ended, ended.text).toMatchObject({ exitCode: 3, changes: [] });
  expect(ended.text).toMatch(/MAIL_HOST: no longer in \.env, but the image/);
});

it('changes nothing when it is only planned, or cancelled', async () => {
  const d = await changed();
  const { id } = appOf(d);
  expect(await runAndCheck(d, ['--plan'], SCRIPT)).toMatchObject({ exitCode: 0, changes: [] });
  expect(await runAndCheck(d, [], SCRIPT)).toMatchObject({ exitCode: 4, changes: [] });
  expect(appOf(d).id).toBe(id);
});

it('refuses what replacing the application alone does not do', async () => {
  const d = await changed();
  edit(d, 'REDIS_PASSWORD', 'another-one-of-redis');
  const ended = await runAndCheck(d, YES, SCRIPT);
  expect(ended).toMatchObject({ exitCode: 3, changes: [] });
  expect(ended.text).toMatch(/makes another container of redis as well/);
  expect(ended.text).toMatch(/deploy-prod-all\.ts --data keep/);
});

it('refuses a .env with which nothing could start, with all that is wrong with it', async () => {
  const d = await changed();
  d.writeEnv(
    env(d)
      .replace(/^SECRET_KEY=.*$/m, 'SECRET_KEY=')
      .replace(/^LOG_LEVEL=.*$/m, ''),
  );
  const ended = await runAndCheck(d, YES, SCRIPT);
  expect(ended.exitCode).not.toBe(0);
  expect(ended.changes).toEqual([]);
  expect(ended.text).toMatch(/SECRET_KEY/);
});

it('has nothing to give where nothing runs', async () => {
  const d = deployment();
  const ended = await runAndCheck(d, YES, SCRIPT);
  expect(ended).toMatchObject({ exitCode: 3, changes: [] });
});

/** The run is killed at the last change like this. */
async function killedAt(command: RegExp, how: 'killed' | 'killed-after'): Promise<Deployment> {
  const { points } = await (await changed()).run(YES, SCRIPT);
  const point = points.findLast((p) => p.isChange && command.test(p.label));
  if (!point) throw new Error(`no command is like ${command}`);
  const d = await changed();
  expect(await runAndCheck(d, YES, { ...SCRIPT, fault: { ...point, how } })).toMatchObject({ struck: true });
  return d;
}

it.each([
  ['the new container had been started', /^docker start <id>$/, 'killed-after'],
  ['it was proved, and the old one was to go', /^docker rm -f -v <id>$/, 'killed'],
] as const)('is proved, recorded and tidied up by the next run when one was killed when %s', async (_when, at, how) => {
  const d = await killedAt(at, how);
  const isAside = () => d.machine.engine.containers.some((c) => c.name.includes('-before-'));
  expect(isAside()).toBe(true);
  const paths = { backups: path.join(d.state, 'backups') };
  const again = await runAndCheck(d, YES, SCRIPT);
  expect(again.exitCode, again.text).toBe(0);
  expect(isAside()).toBe(false);
  expect(readReleases(paths).filter((r) => r.kind === 'env')).toHaveLength(1);
  expect(keptEnv(paths)).toBe(env(d));
});

it('does not call an application well that nobody had proved when its run was killed', async () => {
  const d = await killedAt(/^docker start <id>$/, 'killed-after');
  const redis = d.container('redis');
  if (redis) d.machine.engine.stop(redis);
  const again = await d.run(YES, SCRIPT);
  expect(again.exitCode, again.text).not.toBe(0);
  expect(again.text).not.toContain('Nothing to do');
});

it('does not call a .env applied while a killed rebuild has the application down, and brings it up', async () => {
  const keep = ['--yes', '--data', 'keep'];
  const given = async () => {
    const d = await updatable();
    expect(await runAndCheck(d, keep)).toMatchObject({ exitCode: 0 });
    return d;
  };
  const { points } = await (await given()).run(keep);
  const point = points.find((p) => p.isChange && /^docker stop /.test(p.label));
  if (!point) throw new Error('nothing is stopped');
  const d = await given();
  expect(await d.run(keep, { fault: { ...point, how: 'killed-after' } })).toMatchObject({ exitCode: 137 });
  expect(appOf(d).state).toBe('exited');
  const ended = await d.run(YES, SCRIPT);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).not.toContain('Nothing to do');
  expect(appOf(d)).toMatchObject({ state: 'running', restart: 'unless-stopped' });
  // It has proved the container, and not what else that rebuild had begun.
  expect((await d.run(YES, SCRIPT)).text).toMatch(/deploy-prod-all \(operator\) did not end[\s\S]*Nothing to do/);
});

it.each([
  ['it had stopped the application', /^docker stop /, 'killed-after', false],
  ['nothing had stopped', /^docker tag /, 'killed', true],
] as const)(
  'is made good by the next one with the former .env when it was killed when %s',
  async (_when, at, how, isDone) => {
    const d = await killedAt(at, how);
    edit(d, 'LOG_LEVEL', 'INFO');
    const again = await d.run(YES, SCRIPT);
    expect(again.exitCode, again.text).toBe(0);
    expect(again.text).toContain('apply-env (operator) did not end');
    expect(again.text.includes('Nothing to do')).toBe(isDone);
    expect(appOf(d).state).toBe('running');
    expect((await d.run(YES, SCRIPT)).text).not.toContain('did not end');
  },
);

it.each(['apply-env', 'deploy-prod-all'])(
  'keeps the .env that %s made the container with, when somebody edits it meanwhile',
  async (flow) => {
    const d = await changed();
    const made = env(d);
    d.machine.override = (_call, typed) => {
      if (/^docker stop /.test(typed)) edit(d, 'LOG_LEVEL', 'WARNING');
      return undefined;
    };
    const ended = await (flow === 'apply-env' ? d.run(YES, SCRIPT) : d.run(['--yes', '--data', 'keep']));
    expect(ended.exitCode, ended.text).toBe(0);
    expect(keptEnv({ backups: path.join(d.state, 'backups') })).toBe(made);
    expect(ended.text).toMatch(/\.env was changed while this ran/);
    d.machine.override = () => undefined;
    expect(await d.run(YES, SCRIPT)).toMatchObject({
      exitCode: 0,
      text: expect.stringMatching(/changed in \.env +LOG_LEVEL/),
    });
    expect(appOf(d).env).toMatchObject({ LOG_LEVEL: 'WARNING' });
  },
);
