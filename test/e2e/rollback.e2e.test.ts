import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Release as Entry } from '../../lib/domain/ledger/releases.ts';
import { startLoadFrom } from '../support/load.ts';
import { runScript } from '../support/run-script.ts';
import { Elsewhere } from './hold/elsewhere.ts';
import { leftOfStack } from './hold/left.ts';
import { maintenanceCases } from './hold/maintenance.cases.ts';
import { openToEverybody, withoutPassword } from './open-database.ts';
import { itInFull, some } from './thorough.ts';
import { stepBegins } from './update/disturb.ts';
import { expectNew, expectOld, expectOnly } from './update/judge.ts';
import { type Run, underLoad, update } from './update/run.ts';
import { original } from './update/sources.ts';
import { docker, type Release, Stack } from './update/stack.ts';

// One sandbox, which other machines reach, goes through the life of its releases, always under load; each case leaves it serving `stack.current`.
const AUTHOR = '20260601090000_add_note_author';
const DROPS_AUTHOR = `from alembic import op
revision = "20260601130000"
down_revision = "20260601090000"
def upgrade():
    op.execute("ALTER TABLE notes DROP COLUMN author")
def downgrade():
    pass
`;
let stack: Stack;
let elsewhere: Elsewhere;

const rollback = (args: readonly string[], options: Parameters<typeof underLoad>[3] = {}): Promise<Run> =>
  underLoad(stack, 'rollback-prod', ['--soak', '1s', ...args], options);
const list = async () => {
  const ended = await runScript('rollback-prod', ['--dir', stack.sandbox.deployDir, '--config', stack.config]);
  expect(ended.exitCode, ended.text).toBe(0);
  return ended.text;
};
const ledger = (): Entry[] =>
  readFileSync(path.join(stack.state, 'releases'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Entry);
const record = (entry: Partial<Entry>) =>
  appendFileSync(path.join(stack.state, 'releases'), `${JSON.stringify({ ...ledger().at(-1), ...entry })}\n`);
const notes = () => stack.sql('SELECT text FROM notes ORDER BY id');
const note = (text: string) => stack.sql(`INSERT INTO notes (text) VALUES ('${text}')`);
const uploaded = async () => (await fetch(`${stack.sandbox.directUrl}/api/v1/upload/kept.txt`)).text();

/** A full rebuild while people come by every way, from this machine and from another one: nobody is refused. */
async function deploy(release: Release): Promise<string> {
  await stack.sandbox.pull();
  const { http, direct } = stack.sandbox.options.ports;
  const mixture = ['--rate', '10', '--slow-every', '20', '--post-every', '7'];
  const hosts = [{ enter: [], host: '127.0.0.1' }, elsewhere];
  const loads = await Promise.all(
    hosts.flatMap(({ enter, host }) =>
      [http, direct].map((port) => startLoadFrom(enter, `http://${host}:${port}/api/v1/health`, ...mixture)),
    ),
  );
  const args = ['--dir', stack.sandbox.deployDir, '--config', stack.config, '--yes', '--data', 'keep'];
  const ended = await runScript('deploy-prod-all', args);
  const reports = await Promise.all(loads.map((load) => load.stop()));
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/requests meanwhile +wait at ports/);
  expect(ended.text).toMatch(/production was down +0 ms \(nginx 0 of \d+ requests failed/);
  for (const report of reports) {
    console.log(JSON.stringify(report)); // for whoever reads the log
    expect(report, ended.text).toMatchObject({ failed: 0 });
    expect(report.sent).toBeGreaterThan(50);
  }
  expect(leftOfStack(stack)).toEqual([]);
  stack.current = release;
  await stack.settled();
  stack.changeByHand();
  return ended.text;
}

/** The release serves, from a container that was replaced: some requests may have been lost. */
async function expectReplaced(run: Run, release: Release): Promise<void> {
  expect(run.exitCode, run.text).toBe(0);
  stack.current = release;
  expect(new Set(run.answers?.map((a) => a.marker)), run.text).toEqual(new Set([release.marker]));
  expect(await uploaded()).toContain('kept');
  expect(run.text).toMatch(/production was down +\d/);
  expect(ledger().at(-1)).toMatchObject({ kind: 'rollback', way: 'image', commit: release.commit });
  await stack.settled();
  stack.changeByHand();
}

/** Code, userdata and rows are those from before, though the container may be another one. */
async function expectAsBefore(run: Run, exitCode: number, rows: string): Promise<void> {
  expect(run.exitCode, run.text).toBe(exitCode);
  expect(new Set(run.answers?.map((a) => a.marker)), run.text).toEqual(new Set([stack.current.marker]));
  expect(notes()).toBe(rows);
  expect(await uploaded()).toContain('kept');
  expect(stack.sql("SELECT count(*) FROM pg_database WHERE datname LIKE '%restoring%'")).toBe('0');
  await stack.settled();
  stack.changeByHand();
}

let first: Release;
const secondCommit = () => ledger().find((r) => r.kind === 'hot')?.commit ?? '';

beforeAll(async () => {
  stack = await Stack.prepared('wfops-rollback');
  await stack.deploy();
  elsewhere = new Elsewhere(0);
  first = stack.current;
});
afterAll(async () => {
  elsewhere?.remove();
  await stack?.down();
});

maintenanceCases(
  () => stack,
  () => elsewhere,
);

itInFull('refuses a release that it does not know, and changes nothing', async () => {
  for (const wanted of some(['deadbeef', 'previous', 'x', first.commit.slice(0, 8)], 1)) {
    const run = await rollback([wanted]);
    await expectOld(stack, run, 3);
  }
});

itInFull('a run killed outright while it goes back hot is made good by the next one', async () => {
  const second = await stack.release({ import_delay: 1 });
  await expectNew(stack, await update(stack), second);
  const killed = await rollback(['previous', '--json'], {
    during: async (running) => {
      await stepBegins(running, 'restart');
      running.signal('SIGKILL');
    },
  });
  expect(killed.exitCode).toBe(null);
  // What it had begun in the container may go on for a moment, and holds the lock.
  const next = await rollback(['previous', '--lock-wait', '60s']);
  expect(next.exitCode, next.text).toBe(0);
  expect(next.text).toMatch(/did not end: its process is gone, at step restart/);
  stack.current = first;
  await expectOnly(stack, { ...next, before: killed.before }, first);
  expect(ledger().at(-1)).toMatchObject({ kind: 'rollback', way: 'hot', commit: first.commit });
});

it('goes back hot without losing a request, and lists how', async () => {
  const second = await stack.release();
  await expectNew(stack, await update(stack), second);
  const listed = await list();
  expect(listed).toMatch(new RegExp(`→ ${second.commit.slice(0, 10)}`));
  expect(listed).toMatch(new RegExp(`${first.commit.slice(0, 10)}[^→]*back: hot, no request lost; by image`));

  const before = stack.container('whalefall');
  const planned = await rollback(['previous', '--plan']);
  expect(planned.exitCode, planned.text).toBe(0);
  expect(planned.text).not.toContain('flask db upgrade');
  expect(stack.container('whalefall')).toBe(before);
  expect(new Set(planned.answers?.map((a) => a.marker))).toEqual(new Set([second.marker]));

  const run = await rollback(['previous']);
  expect(run.exitCode, run.text).toBe(0);
  stack.current = first;
  await expectOnly(stack, run, first);
  expect(run.journal.flatMap((l) => (l.event === 'step-done' ? [l.step] : []))).toEqual(
    ['stage', 'check', 'canary', 'switch', 'restart', 'prove', 'settle'], // no migration, no backup
  );
  expect(ledger().at(-1)).toMatchObject({ kind: 'rollback', way: 'hot', commit: first.commit });
});

itInFull('Ctrl-C while it goes back hot: the present release serves, and nobody noticed', async () => {
  const run = await rollback([secondCommit().slice(0, 10), '--json'], {
    during: async (running) => {
      await stepBegins(running, 'restart');
      running.signal('SIGINT');
    },
  });
  await expectOld(stack, run, 130);
});

// The container was hot-updated: what is kept of it is an image of its own.
const inUserdata = (words: string) => stack.inApp(['sh', '-c', `cd /app/userdata && ${words}`]).trim();
let third: Release;

it('no request fails while a full rebuild replaces the container: over loopback, from another machine, through nginx and past it', async () => {
  note('before the third');
  inUserdata('mkdir -p reports && echo x > reports/deleted.txt && echo x > deleted.txt');
  const rows = notes();
  const server = stack.container('postgres');
  openToEverybody(server);
  await expect.poll(() => withoutPassword(server)).toBe('in');
  const lock = original(stack, 'uv.lock');
  third = await stack.release({ files: { 'uv.lock': `${lock}\n# another\n` } });
  const said = await deploy(third);
  expect(said, 'what the former script left').toContain('LETS ANYBODY IN');
  expect(withoutPassword(server)).toBe('out');
  expect(notes()).toBe(rows);
  expect(await uploaded()).toContain('kept');
  expect(inUserdata('ls')).toContain('deleted.txt');
});

it('goes back by the kept image when a new one was needed, with rows and userdata', async () => {
  note('since the third');
  const rows = notes();
  inUserdata('rm -r reports deleted.txt && echo x > since.txt');

  const hot = await rollback(['previous', '--way', 'hot']);
  await expectOld(stack, hot, 3);
  expect(hot.text).toContain('uv.lock');

  await expectReplaced(await rollback(['previous']), first);
  expect(notes()).toBe(rows);
  expect(inUserdata('ls')).toContain('since.txt');
  expect(inUserdata('ls')).not.toMatch(/reports|deleted/);
  const { previousImage: kept = '' } = ledger().findLast((r) => r.kind === 'rebuild') ?? {};
  const inKept = (...words: string[]) => docker('run', '--rm', '--entrypoint', 'sh', kept, '-c', ...words);
  expect(inKept('find /app/userdata -type f'), 'no files of people').toBe('');
  expect(inKept('cat /app/handmade.txt'), 'what a person changed stays').toBe('by hand');
  const config = docker('image', 'inspect', '-f', '{{json .Config}}', kept);
  expect(config, 'nor the variables of the container').not.toMatch(/SECRET_KEY|DATABASE_URL/);
  expect(stack.git(['rev-parse', 'HEAD']).trim(), 'the deploy directory is left alone').toBe(third.commit);
});

itInFull('Ctrl-C while production is down: everything as before', async () => {
  const rows = notes();
  const run = await rollback(['previous', '--json'], {
    during: async (running) => {
      await stepBegins(running, 'start-app');
      running.signal('SIGINT');
    },
  });
  await expectAsBefore(run, 130, rows);
});

itInFull('a target whose image does not boot, and one whose code does not load: everything as before', async () => {
  const rows = notes();
  // The container comes back as it was made then: what it starts is gone from the image.
  const [maker, start] = [`${stack.sandbox.project}-broken`, '/usr/local/bin/start-prod-services.sh'];
  docker('run', '--name', maker, '--network', 'none', '--entrypoint', 'rm', stack.sandbox.appImage, start);
  const broken = docker('commit', '--change', 'ENTRYPOINT []', maker, `${stack.sandbox.project}/whalefall:broken`);
  docker('rm', maker);
  record({ kind: 'rebuild', commit: 'ab'.repeat(20), imageId: broken });
  record({ kind: 'rollback', way: 'hot', commit: stack.current.commit });
  const image = await rollback(['abababab']);
  await expectAsBefore(image, 1, rows);
  expect(image.text).toContain('Everything is as before');

  const unloadable = await stack.release({ import_error: true });
  stack.git(['fetch', '-q', 'origin']);
  record({ kind: 'hot', commit: unloadable.commit });
  record({ kind: 'rollback', way: 'hot', commit: stack.current.commit });
  const code = await rollback([unloadable.commit.slice(0, 10)]);
  await expectOld(stack, code, 3);
  expect(code.text).toContain('import_error');
});

itInFull('refuses code that can not work on the present schema, and goes back with the data it names', async () => {
  const wide = await stack.release({ migrations: [AUTHOR], needs_column: 'author' });
  await deploy(wide);
  stack.base = wide.commit;
  note('before the drop');
  const rows = notes();
  const narrow = await stack.release({
    needs_column: '',
    files: { 'migrations/versions/20260601130000_drop_note_author.py': DROPS_AUTHOR },
  });
  await expectNew(stack, await update(stack), narrow);
  note('since the drop');
  const since = notes();

  for (const way of some(['hot', 'image'], 1)) {
    stack.patience(15);
    const refused = await rollback(['previous', '--way', way]).finally(() => stack.patience());
    await expectOld(stack, refused, 3);
    expect(refused.text).toContain('was tried beside what serves, on the current database, and did not pass');
    expect(refused.text).toMatch(new RegExp(`rollback-prod.ts ${wide.commit.slice(0, 10)} --data \\d{8}T\\d{6}Z-`));
  }
  const backup = /--data (\S+)/.exec(await list())?.[1] ?? '';

  const declined = await rollback(['previous', '--data', backup]);
  await expectOld(stack, declined, 4);
  expect(declined.text).toMatch(/rows in public\.notes +\d+ → \d+/);

  const confirm = ['--confirm', 'RESTORE whalefall_prod'];
  for (const step of some(['swap', 'start-app'])) {
    const interrupted = await rollback(['previous', '--data', backup, '--json', ...confirm], {
      during: async (running) => {
        await stepBegins(running, step);
        running.signal('SIGTERM');
      },
    });
    await expectAsBefore(interrupted, 143, since);
    expect(stack.revision()).toBe('20260601130000');
  }

  await expectReplaced(await rollback(['previous', '--data', backup, ...confirm]), wide);
  expect(stack.revision()).toBe('20260601090000');
  expect(notes()).toBe(rows);
});

itInFull('keeps no more images than it was told to, but always the one before', async () => {
  const before = () =>
    docker('image', 'ls', '--format', '{{.Tag}}', `${stack.sandbox.project}/whalefall`)
      .split('\n')
      .filter((t) => t.startsWith('before-'));
  expect(new Set(before()).size).toBeGreaterThan(2);
  stack.patience(120, { keep: { images: 1, gigabytes: 50, releases: 3 } });
  const next = await stack.release({ needs_column: 'author' });
  await expectNew(stack, await update(stack), next);
  const previous = ledger().findLast((r) => r.previousImage)?.previousImage;
  const kept = before().map((tag) => `${stack.sandbox.project}/whalefall:${tag}`);
  const ids = new Set(kept.map((reference) => docker('image', 'inspect', '-f', '{{.Id}}', reference)));
  expect(kept).toContain(previous);
  expect(ids.size, kept.join(' ')).toBeLessThanOrEqual(2);
  expect(ledger()).toHaveLength(3);
});
