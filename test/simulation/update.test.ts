import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { readReleases } from '../../lib/domain/ledger/releases.ts';
import { SITE_EXTRA } from './model/app-container.ts';
import { fileAt, write } from './model/app-files.ts';
import { type Deployment, deployment } from './model/deployment.ts';
import { docker } from './model/docker-cli.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { journals } from './model/journals.ts';
import { NEW_REVISION, OLD_REVISION, type Release, release } from './model/release.ts';
import {
  GUNICORN,
  gunicornConfig,
  INVALID,
  RAISES,
  SITE,
  SUPERVISOR,
  supervisorConfig,
} from './model/release-files.ts';
import { appOf, editLocally, UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

const YES = ['--yes', '--soak', '2s'];

/** A release that follows, in which all is well again. */
function mend(d: Deployment): void {
  const good = release('mended', { head: NEW_REVISION });
  d.machine.engine.releases.set(good.commit, good);
  d.machine.repository?.push(good, Math.floor(d.machine.clock.now() / 1000));
}

const workersOf = (d: Deployment) => appOf(d).app?.web?.workers.map((w) => w.pid) ?? [];

it('brings a release into the running container', async () => {
  const d = await updatable();
  const before = appOf(d).app;
  const master = before?.web?.pid;
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('Updated and proved') });
  expect(before?.web?.pid).toBe(master);
  expect(before?.visitor.interruptions).toBe(0);
  expect(ended.changes.filter((c) => /pg_dump| flask \/app/.test(c))).toEqual([]);
});

it('migrates with the code that runs what a restore has brought back from before a migration', async () => {
  const d = await updatable({ head: NEW_REVISION });
  expect(await updateAndCheck(d, YES)).toMatchObject({ exitCode: 0 });
  Object.assign(d.database ?? {}, { stamp: OLD_REVISION });
  const commit = readReleases({ backups: path.join(d.state, 'backups') }).at(-1)?.commit ?? '?';
  const ended = await d.run([...YES, '--ref', commit.slice(0, 10)], { script: UPDATE });
  expect(ended, ended.text).toMatchObject({ exitCode: 0 });
  expect(d.database?.stamp).toBe(NEW_REVISION);
});

it('compiles what is new or changed, and nothing else', async () => {
  const d = await updatable({ files: { 'app/new.py': 'NEW = 1\n', 'app/read.txt': 'no Python\n' } });
  const ended = await updateAndCheck(d, YES);
  const compiled = ended.calls.filter(({ argv }) => argv.at(-1) === 'compile').map(({ input }) => input.toString());
  expect(compiled).toHaveLength(1);
  expect(compiled[0]).toContain('app/new.py');
  expect(compiled[0]).not.toMatch(/app\/models|read\.txt/);
});

it('waits for an old worker that hangs until gunicorn kills it, and takes nothing back', async () => {
  const d = await updatable();
  const [first] = appOf(d).app?.web?.workers ?? [];
  if (first) first.hung = true;
  const ended = await updateAndCheck(d, YES);
  expect(ended, ended.text).toMatchObject({ exitCode: 0, text: expect.stringContaining('Updated and proved') });
  expect(workersOf(d)).not.toContain(first?.pid);
});

it('waits for a scheduler that is at a job until gunicorn kills it, and takes nothing back', async () => {
  const d = await updatable();
  const [worker] = appOf(d).app?.scheduler?.workers ?? [];
  if (worker) worker.atJob = true;
  const ended = await updateAndCheck(d, YES);
  expect(ended, ended.text).toMatchObject({ exitCode: 0, text: expect.stringContaining('Updated and proved') });
});

it('waits on the way back, too, until somebody schedules again', async () => {
  const d = await updatable();
  const { machine } = d;
  const { app } = appOf(d);
  const [worker] = app?.scheduler?.workers ?? [];
  if (worker) worker.atJob = true;
  machine.override = (call, typed) => {
    if (!typed.endsWith(' - workers') || !call.input.includes('by\\":\\"TERM')) return undefined;
    app?.scheduler?.term(worker?.pid ?? 0);
    machine.override = () => undefined;
    return { exitCode: 137 };
  };
  const ended = await updateAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(app?.scheduler?.workers.map((w) => w.leaving)).toEqual([false]);
});

it('replaces the workers of a third gunicorn behind its open socket, too', async () => {
  const command = 'command=/app/.venv/bin/python -m gunicorn --config /app/metrics.conf.py metrics:application';
  const files = {
    [SUPERVISOR]: supervisorConfig(`[program:metrics]\n${command}\nenvironment=ENABLE_SCHEDULER="false"\n`),
    'metrics.conf.py': 'bind = "127.0.0.1:5003"\nworkers = 2\npreload_app = False\n',
  };
  const d = await updatable({ files }, { former: { files } });
  const metrics = () => appOf(d).app?.programs.find((p) => p.name === 'metrics');
  const [master, before] = [metrics()?.pid, metrics()?.gunicorn?.workers.map((w) => w.pid) ?? []];
  expect(before).toHaveLength(2);
  const ended = await updateAndCheck(d, YES);
  expect(ended, ended.text).toMatchObject({
    exitCode: 0,
    text: expect.stringContaining('kill -TERM <worker of metrics>'),
  });
  expect(metrics()?.pid).toBe(master);
  expect(metrics()?.gunicorn?.workers.filter((w) => before.includes(w.pid))).toEqual([]);
});

it('finds nothing to do the second time', async () => {
  const d = await updatable();
  await updateAndCheck(d, YES);
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 0, changes: [], text: expect.stringContaining('Nothing to do') });
});

it('changes nothing when it is only planned, or cancelled', async () => {
  const d = await updatable();
  const before = workersOf(d);
  for (const [args, exitCode] of [
    [['--plan'], 0],
    [[], 4],
  ] as const) {
    const ended = await d.run(args, { script: UPDATE });
    expect(ended).toMatchObject({ exitCode, changes: [] });
    expect(workersOf(d)).toEqual(before);
  }
});

it('migrates after a backup, while the old release serves', async () => {
  const d = await updatable({ head: NEW_REVISION });
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('restored and compared') });
  expect(d.database?.stamp).toBe(NEW_REVISION);
});

it('backs up while the release is checked', async () => {
  const d = await updatable({ head: NEW_REVISION });
  const ended = await updateAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(0);
  const entries = journals(d).at(-1)?.entries ?? [];
  const began = entries.findIndex((e) => e.event === 'intent' && /^docker run .*-throwaway-/.test(e.command));
  const checked = entries.findIndex((e) => e.event === 'step-done' && e.step === 'check');
  expect(began).toBeGreaterThan(0);
  expect(began).toBeLessThan(checked);
});

it('gives up the backup that has begun when the check fails', async () => {
  const d = await updatable({ cannotCreate: true, head: NEW_REVISION });
  const ended = await updateAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(d.files(path.join(d.state, 'backups'))).toEqual([]);
});

it('updates a container that does not say what it runs', async () => {
  const d = await updatable({}, { marked: false });
  expect(await updateAndCheck(d, YES)).toMatchObject({ exitCode: 0 });
});

it('refuses a container that compose would make otherwise now, although no commit changed it', async () => {
  const made = deployment();
  made.editCompose(({ services }) => Object.assign(services.whalefall ?? {}, { restart: 'no' }));
  const d = await updatable({}, { made });
  for (const args of [['--plan'], YES]) {
    const ended = await d.run(args, { script: UPDATE });
    expect(ended, ended.text).toMatchObject({ exitCode: 3, changes: [] });
    expect(ended.text).toContain('compose would make another container of whalefall than the one that runs: ');
  }
});

it.each([
  ['com.docker.compose.version', () => '2.17.0'],
  [
    'com.docker.compose.project.working_dir',
    (d: Deployment) => {
      const link = path.join(d.root, 'by-a-link');
      symlinkSync(d.dir, link);
      return link;
    },
  ],
])('does not refuse for a hash that compose would make otherwise of the same service: %s', async (label, value) => {
  const made = deployment();
  made.editCompose(({ services }) => Object.assign(services.whalefall ?? {}, { restart: 'no' }));
  const d = await updatable({}, { made });
  const app = appOf(d);
  Object.assign(app, { labels: { ...app.labels, [label]: value(d) } });
  expect(await d.run(['--plan'], { script: UPDATE })).toMatchObject({ exitCode: 0 });
});

it('puts local changes aside only when it may', async () => {
  const d = await updatable();
  editLocally(d);
  expect(await updateAndCheck(d, YES)).toMatchObject({ exitCode: 4, changes: [] });
  expect(await updateAndCheck(d, [...YES, '--discard-local'])).toMatchObject({ exitCode: 0 });
});

it('also puts aside what git does not track where the release has something', async () => {
  const d = await updatable({ files: { 'app/models/extra.py': '# of the release\n' } });
  editLocally(d, 'app/models/extra.py', '# of this server\n');
  expect(await updateAndCheck(d, [...YES, '--discard-local'])).toMatchObject({ exitCode: 0 });
});

it('loses no local change when the release is no good', async () => {
  const d = await updatable({ deepUnhealthy: true });
  editLocally(d);
  expect(await updateAndCheck(d, [...YES, '--discard-local'])).toMatchObject({ exitCode: 1 });
});

it('reloads gunicorn for a changed configuration', async () => {
  const d = await updatable({ files: { [GUNICORN]: gunicornConfig(3) } });
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('Reload gunicorn') });
  expect(workersOf(d)).toHaveLength(3);
});

it.each(['', ' --config gunicorn.conf.py'])(
  'reloads it also where the command line says no more than%s',
  async (words) => {
    const supervisor = { [SUPERVISOR]: supervisorConfig().replace(' --config /app/gunicorn.conf.py', words) };
    const d = await updatable(
      { files: { ...supervisor, [GUNICORN]: gunicornConfig(3) } },
      { former: { files: supervisor } },
    );
    const ended = await updateAndCheck(d, YES);
    expect(ended, ended.text).toMatchObject({ exitCode: 0, text: expect.stringContaining('Reload gunicorn') });
    expect(workersOf(d)).toHaveLength(3);
  },
);

it('goes back to the former configuration of gunicorn too', async () => {
  const d = await updatable({ crashesInPlace: true, files: { [GUNICORN]: gunicornConfig(3) } });
  expect(await updateAndCheck(d, YES)).toMatchObject({ exitCode: 1 });
  expect(workersOf(d)).toHaveLength(2);
});

const PRELOADS = gunicornConfig(2).replace('preload_app = False', 'preload_app = True');

it.each([
  ['the new release preloads', {}],
  // The survey reads plain values alone; the model's tells none, as for one that a configuration computes.
  ['what runs preloads, and only gunicorn can tell', { files: { [GUNICORN]: PRELOADS } }],
])('restarts no container that nobody was asked about: %s', async (_why, former) => {
  const d = await updatable({ files: { [GUNICORN]: PRELOADS } }, { former });
  const ended = await updateAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(3);
  expect(ended.text).toMatch(/gunicorn preloads the application[\s\S]*--restart container/);
  expect(ended.changes.filter((c) => c.startsWith('docker restart'))).toEqual([]);
  expect(await updateAndCheck(d, [...YES, '--restart', 'container'])).toMatchObject({
    exitCode: 0,
    text: expect.stringContaining('RESTART THE CONTAINER'),
  });
});

it('restarts the container for a changed configuration of supervisord', async () => {
  const d = await updatable({ files: { [SUPERVISOR]: supervisorConfig('; another comment\n') } });
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 0, text: expect.stringContaining('RESTART THE CONTAINER') });
});

it('restarts the container again when the release does not stay up in place', async () => {
  const d = await updatable({ crashesInPlace: true, files: { [SUPERVISOR]: supervisorConfig('; another comment\n') } });
  expect(await updateAndCheck(d, YES)).toMatchObject({ exitCode: 1 });
});

it.each<[what: string, files: NonNullable<Release['files']>, args: readonly string[]]>([
  ['has a program more', { [SUPERVISOR]: supervisorConfig('[program:extra]\ncommand=/bin/extra\n') }, []],
  ['names the web program otherwise', { [SUPERVISOR]: supervisorConfig().replace('_web]', '_www]') }, []],
  ['preloads the application', { [GUNICORN]: PRELOADS }, ['--restart', 'container']],
])('restarts the container again when a release does not stay up that %s', async (_what, files, args) => {
  const d = await updatable({ crashesInPlace: true, files });
  const ended = await updateAndCheck(d, [...YES, ...args]);
  expect(ended).toMatchObject({ exitCode: 1, text: expect.stringContaining('The old release serves') });
  expect(ended.changes.filter((c) => c.startsWith('docker restart'))).toHaveLength(2);
});

it('refuses while nginx could not be told of the release, nor be started again', async () => {
  const d = await updatable();
  write(appOf(d), SITE_EXTRA, INVALID);
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 3, text: expect.stringContaining('unexpected end of file') });
  expect(ended.changes.filter((c) => / - (place|workers)$/.test(c))).toEqual([]);
});

it('restarts no container because nginx can not read its configuration again: it would not come up', async () => {
  const d = await updatable();
  const { machine } = d;
  machine.override = (_call, typed) => {
    if (typed.endsWith(' - place')) write(appOf(d), SITE_EXTRA, INVALID);
    return undefined;
  };
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 1, text: expect.stringContaining('nginx did not read its configuration') });
  expect(ended.changes.filter((c) => c.startsWith('docker restart'))).toEqual([]);
});

const SLOW = supervisorConfig('[program:queue]\ncommand=/app/.venv/bin/python /app/queue.py\nstopwaitsecs=200\n');

it('waits for a program that may take longer to end, as its configuration says', async () => {
  const files = { [SUPERVISOR]: SLOW };
  const d = await updatable({ files }, { former: { files } });
  const ended = await updateAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('queue has 200 s to end');
});

it('waits for it on the way back, too, before anything harder', async () => {
  const files = { [SUPERVISOR]: SLOW };
  const d = await updatable({ files }, { former: { files } });
  const { machine } = d;
  machine.override = (_call, typed) => {
    if (!typed.includes('supervisorctl restart queue')) return undefined;
    appOf(d)
      .app?.programs.find((p) => p.name === 'queue')
      ?.restart();
    machine.override = () => undefined;
    return { exitCode: 137 };
  };
  const ended = await updateAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.changes.filter((c) => c.includes('supervisorctl restart'))).toEqual([]);
  expect(ended.changes.filter((c) => c.startsWith('docker restart'))).toEqual([]);
});

it('ends a program that the release has no more', async () => {
  const files = { [SUPERVISOR]: supervisorConfig('[program:extra]\ncommand=/bin/extra\n') };
  const d = await updatable({}, { former: { files } });
  expect(await updateAndCheck(d, YES)).toMatchObject({ exitCode: 0 });
  expect(appOf(d).app?.programs.map((p) => p.name)).not.toContain('extra');
});

it('does not say that all is as before while a program is down that ran', async () => {
  const files = { [SUPERVISOR]: supervisorConfig('[program:extra]\ncommand=/bin/extra\n') };
  const d = await updatable({ crashesInPlace: true, files }, { former: { files } });
  const { machine } = d;
  let placed = 0;
  machine.override = (_call, typed) => {
    if (typed.endsWith(' - place') && ++placed === 2)
      appOf(d)
        .app?.programs.find((p) => p.name === 'extra')
        ?.stop();
    return undefined;
  };
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 6, text: expect.stringContaining('not as before: extra STOPPED') });
});

it.each(['reload', 'container'])('does it the rougher way when asked to: %s', async (kind) => {
  const d = await updatable();
  expect(await updateAndCheck(d, [...YES, '--restart', kind])).toMatchObject({ exitCode: 0 });
});

it('uses the new nginx site at once when asked to', async () => {
  const d = await updatable({ files: { [SITE]: 'server { listen 80; gzip on; }\n' } });
  const ended = await updateAndCheck(d, [...YES, '--sync-nginx-site-config']);
  expect(ended.exitCode).toBe(0);
  expect(fileAt(appOf(d), '/etc/nginx/sites-available/whalefall')?.data).toContain('gzip');
});

it('uses the nginx site of what runs already when asked to', async () => {
  const d = await updatable({ files: { [SITE]: 'server { listen 80; gzip on; }\n' } });
  for (const more of [[], ['--sync-nginx-site-config']])
    expect(await updateAndCheck(d, [...YES, ...more])).toMatchObject({ exitCode: 0 });
  expect(fileAt(appOf(d), '/etc/nginx/sites-available/whalefall')?.data).toContain('gzip');
});

it('builds the image from the same commit when asked to', async () => {
  const d = await updatable();
  expect(await updateAndCheck(d, [...YES, '--bake'])).toMatchObject({ exitCode: 0 });
  expect(d.machine.engine.image('whalefall:prod').release?.commit).toBe(d.machine.repository?.head);
});

it('tells what the proof found also where the image could not be built, and builds it when it runs again', async () => {
  const d = await updatable();
  const { database, machine } = d;
  const { override } = machine;
  const since = new Date(machine.clock.now() - 100).toISOString();
  if (database) database.tables.task_runs = [`sync accounts since ${since}`];
  machine.override = (call, typed) =>
    / build .*whalefall$/.test(typed) ? { exitCode: 17, stderr: 'no space left' } : override(call, typed);
  const ended = await d.run([...YES, '--bake'], { script: UPDATE });
  expect(ended.exitCode, ended.text).toBe(6);
  expect(ended.text).toMatch(/its image could not be built: .*exit code 17/);
  expect(ended.text).toMatch(/Production runs the new release; but: jobs were cut: sync accounts/);
  expect(ended.text).toContain(`update-prod-flask.ts --ref ${machine.repository?.head} --bake`);
  machine.override = override;
  const again = await updateAndCheck(d, [...YES, '--bake']);
  expect(again.exitCode, again.text).toBe(0);
  expect(machine.engine.image('whalefall:prod').release?.commit).toBe(machine.repository?.head);
});

it('does not call a release proved that has lost a worker', async () => {
  const d = await updatable();
  const { machine } = d;
  const { override } = machine;
  let asked = 0;
  machine.override = (call, typed) => {
    const { web } = appOf(d).app ?? {};
    // In the survey, and in the proof.
    if (typed.endsWith(' - routes') && ++asked === 2) {
      web?.signal('TTOU');
      web?.kill(web.workers[0]?.pid ?? 0);
    }
    return override(call, typed);
  };
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 1, text: expect.stringContaining('Not proved: fewer than 2 workers run') });
  expect(workersOf(d)).toHaveLength(2);
});

it('keeps what somebody had changed in the container, however much that is', async () => {
  const d = await updatable();
  appOf(d).layer['/app/app/api/health.py'] = { data: '# a quick fix\n', mode: '100644', owner: 'root' };
  const ended = await d.run(YES, { script: UPDATE });
  expect(ended.exitCode).toBe(0);
  const [kept = ''] = d.files().filter((f) => f.endsWith('hand-edited.tar'));
  expect(readFileSync(kept, 'utf8')).toContain('# a quick fix');
  // The shell gets a command line as one word, for which the kernel has 128 KiB.
  const packs = ended.calls.filter(({ argv }) => argv.includes('tar') && argv.includes('-T'));
  expect(packs.map(({ argv, input }) => [argv.join(' ').includes('health.py'), input.toString()])).toEqual([
    [false, 'app/api/health.py\0'],
  ]);
});

it.each<[how: string, broken: Partial<Release>, exitCode: number]>([
  ['proves a release', {}, 0],
  ['goes back', { crashesInPlace: true }, 1],
])('%s although the application writes beside its code meanwhile, and says what', async (_how, broken, exitCode) => {
  const d = await updatable(broken);
  const { machine } = d;
  const { override } = machine;
  appOf(d).layer['/app/a.pid'] = '1';
  machine.override = (call, typed) => {
    if (typed.endsWith(' - place')) {
      appOf(d).layer['/app/celerybeat-schedule'] = 'written meanwhile';
      delete appOf(d).layer['/app/a.pid'];
    }
    return override(call, typed);
  };
  const ended = await updateAndCheck(d, YES);
  expect(ended.exitCode, ended.text).toBe(exitCode);
  expect(ended.text).toMatch(
    /2 files that are not from git appeared, changed or went meanwhile, .*celerybeat-schedule/,
  );
});

it('believes no release of which a file was changed meanwhile', async () => {
  const d = await updatable();
  const { machine } = d;
  const { override } = machine;
  machine.override = (call, typed) => {
    if (typed.endsWith(' - workers')) write(appOf(d), '/app/app/models/note.py', '# by hand, meanwhile');
    return override(call, typed);
  };
  const ended = await d.run(YES, { script: UPDATE });
  expect(ended.exitCode, ended.text).not.toBe(0);
  expect(ended.text).toContain("1 files in the container are not the commit's: app/models/note.py");
});

it.each<[what: string, former: Partial<Release>, next: Partial<Release>]>([
  ['brings', {}, { files: { 'gunicorn.conf.py': gunicornConfig(7) } }],
  ['has no more', { files: { 'gunicorn.conf.py': gunicornConfig(7) } }, { files: {} }],
])('leaves what the image copies there where the repository %s a file of its own', async (_what, former, next) => {
  const d = await updatable(next, { former });
  const ended = await updateAndCheck(d, YES);
  expect(ended, ended.text).toMatchObject({ exitCode: 0, text: expect.stringContaining('Updated and proved') });
  expect(fileAt(appOf(d), '/app/gunicorn.conf.py')?.data).toBe(gunicornConfig(2));
  const again = await updateAndCheck(d, [...YES, '--restart', 'reload', '--bake']);
  expect(again.text).not.toContain('that is not what runs');
});

it('does not believe a copy that lost a file on the way', async () => {
  const d = await updatable();
  const { machine } = d;
  machine.override = (call, typed) => {
    if (!typed.includes(' unpack ')) return undefined;
    const reply = docker(machine, call);
    const app = appOf(d);
    for (const path of Object.keys(app.layer)) if (path.endsWith('new/app/api/health.py')) delete app.layer[path];
    return reply;
  };
  expect(await updateAndCheck(d, YES)).toMatchObject({
    exitCode: 1,
    text: expect.stringContaining('is not the commit'),
  });
});

const BROKEN: readonly (readonly [string, Partial<Release>, said: RegExp])[] = [
  ['a syntax error', { files: { 'app/api/health.py': INVALID } }, /not valid Python/],
  ['an import error', { cannotCreate: true }, /ImportError/],
  ['an import error, and a migration', { cannotCreate: true, head: NEW_REVISION }, /can't load the new release/],
  ['an import that does not end, and a migration', { importHangs: true, head: NEW_REVISION }, /does not end/],
  ['an import that does not end', { importHangs: true }, /did not begin to serve within/],
  ['workers that never boot', { neverHealthy: true }, /did not begin to serve within/],
  ['workers that end while they boot', { crashesAtBoot: true }, /ended while it was being tried/],
  ['a deep check that says unhealthy', { deepUnhealthy: true }, /status unhealthy/],
  ['nothing but 500', { answers500: true }, /HTTP 500/],
  ['a migration that fails', { migrationFails: true, head: NEW_REVISION }, /UndefinedColumn/],
  ['an invalid configuration of gunicorn', { files: { [GUNICORN]: INVALID } }, /not valid Python/],
  ['a configuration of gunicorn that fails', { files: { [GUNICORN]: RAISES } }, /does not accept its configuration/],
  ['an invalid nginx site', { files: { [SITE]: INVALID } }, /nginx does not accept/],
  ['workers that die once it is in place', { crashesInPlace: true }, /died|ended/],
  ['workers that die in place, and a migration', { crashesInPlace: true, head: NEW_REVISION }, /STAYS MIGRATED/],
];

it.each(['fails', 'goes well, and the release does not'])(
  'says of a database without a stamp what a migration has done to it, which %s, and not what the stamp has',
  async (how) => {
    const fails = how === 'fails';
    const d = await updatable({ migrationFails: fails, crashesInPlace: !fails, head: NEW_REVISION });
    Object.assign(d.cluster?.databases.whalefall_prod ?? {}, { stamp: null });
    const ended = await d.run(YES, { script: UPDATE });
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toContain('The old release serves, every file as before');
    expect(ended.text).not.toContain('commit on their way');
    expect(ended.text.includes(`STAYS MIGRATED (${OLD_REVISION} → ${NEW_REVISION})`), ended.text).toBe(!fails);
    expect(d.database?.stamp).toBe(fails ? OLD_REVISION : NEW_REVISION);
  },
);

it('never says that all is as before over a migration that committed a part of itself', async () => {
  const d = await updatable({ migrationFails: true, commitsMidway: true, head: NEW_REVISION });
  const ended = await d.run(YES, { script: UPDATE });
  expect(ended.exitCode, ended.text).toBe(6);
  expect(ended.text).toMatch(/not one transaction: it commits on its way/);
  expect(ended.text).toMatch(/a part of them stays although they failed: table public\.half_way/);
  expect(ended.text).toMatch(/Back: .*npx tsx scripts\/restore-prod\.ts \S+ {3}# loses what was written since/);
});

it('never says so over one that changed nothing but rows on its way: it can not be told', async () => {
  const d = await updatable({ migrationFails: true, commitsMidway: 'rows', head: NEW_REVISION });
  const ended = await d.run(YES, { script: UPDATE });
  expect(d.database?.tables.notes).toContain('changed on the way');
  expect(ended.exitCode, ended.text).toBe(6);
  expect(ended.text).toMatch(
    /schema is as before, but migrations\/versions\/\d+_next\.py commits on its way: rows may have been changed/,
  );
  expect(ended.text).not.toMatch(/taken back whole/);
  expect(ended.text).toMatch(/Back: .*npx tsx scripts\/restore-prod\.ts \S+ {3}# loses what was written since/);
});

it.each(BROKEN)('goes back from a release with %s, and on to one that is mended', async (_name, broken, said) => {
  const d = await updatable(broken);
  const ended = await updateAndCheck(d, YES);
  expect(ended).toMatchObject({ exitCode: 1, text: expect.stringMatching(said) });
  // What can be found beforehand is found beforehand.
  if (!broken.crashesInPlace) expect(appOf(d).app?.visitor.answered).toEqual(new Set([release('old').commit]));
  if (!/STAYS MIGRATED/.test(ended.text)) expect(d.database?.stamp).toBe(OLD_REVISION);
  mend(d);
  expect(await updateAndCheck(d, YES)).toMatchObject({ exitCode: 0 });
});
