import path from 'node:path';
import { readReleases } from '../../../lib/domain/ledger/releases.ts';
import type { Check } from './again.ts';
import { isServing } from './app.ts';
import { SITE_RENDERED } from './app-container.ts';
import { copiesOf, fileAt, MIX, pathsBelow, ROOT, wrongIn } from './app-files.ts';
import type { Deployment, Ended, RunOptions } from './deployment.ts';
import type { Container } from './engine.ts';
import { KILLED } from './faults.ts';
import type { Launch } from './gunicorn.ts';
import { exitCode, foreign, hba, images, keptNow, lock, lost, promises, secrets } from './invariants.ts';
import { journal, journals } from './journals.ts';
import type { Release } from './release.ts';
import { filesOf } from './release-files.ts';
import { configured } from './supervisor.ts';
import { appOf, HAND_MADE, UPDATE } from './updatable.ts';

const STAGING = `${ROOT}/.whalefall-staging`;
const MARKER = `${ROOT}/.whalefall-release.json`;
const MIGRATED = 'THE DATABASE STAYS MIGRATED';

/** All that a run that failed must leave as it was. */
function look(d: Deployment) {
  d.machine.engine.catchUp();
  const app = appOf(d);
  const { web, releases } = app.app ?? {};
  const commit = web?.workers[0]?.content ?? '';
  const repository = d.machine.repository;
  return {
    release: releases?.get(commit),
    workers: web?.workers.length ?? 0,
    stamp: d.database?.stamp,
    notes: d.database?.tables.notes?.length ?? 0,
    hba: [],
    container: app.id,
    marker: fileAt(app, MARKER)?.data,
    site: fileAt(app, SITE_RENDERED)?.data,
    foreign: foreignFiles(app),
    head: repository?.head,
    checkout: checkoutOf(d),
    index: JSON.stringify([...(repository?.worktree.readIndex() ?? [])]),
    changed: changedLocally(d),
    kept: keptNow(d),
  };
}

type Before = ReturnType<typeof look>;

/** What no release may touch: content, mode and owner. */
const foreignFiles = (app: Container) =>
  JSON.stringify(
    [...pathsBelow(app, `${ROOT}/userdata`), HAND_MADE, `${ROOT}/.env`].map((file) => [file, fileAt(app, file)]),
  );

const tracked = (d: Deployment) =>
  (d.machine.repository?.worktree.list() ?? []).filter((f) => !f.startsWith('.whalefall-ops/'));

/** Every file of the deploy directory but ours. */
const checkoutOf = (d: Deployment) =>
  JSON.stringify(tracked(d).map((file) => [file, d.machine.repository?.worktree.entry(file)]));

/** Contents in the deploy directory that its commit does not have. */
function changedLocally(d: Deployment): string[] {
  const { repository } = d.machine;
  const head = repository?.objects.treeOf(repository.head);
  return tracked(d)
    .filter((f) => f !== '.env' && repository?.worktree.entry(f)?.blob !== head?.get(f)?.blob)
    .map((f) => repository?.worktree.entry(f)?.blob ?? '');
}

/** What runs, and on which schema, when all went well. */
interface Goal {
  readonly release: Release | undefined;
  readonly stamp: string | null | undefined;
}

/** What must be so after every run of the hot update, however it ended. */
async function check(d: Deployment, ended: Ended, before: Before, goal: Goal, options: RunOptions): Promise<void> {
  const app = appOf(d);
  app.app?.visitor.stop(d.machine.clock.monotonic());
  await d.machine.clock.sleep(10_000); // what was just started has booted
  d.machine.engine.catchUp();
  const isNew = ended.exitCode === 0;
  const expected = isNew ? goal.release : before.release;
  const wrong = [
    ...exitCode(ended),
    ...lock(d),
    ...secrets(d, ended),
    ...lost(d),
    ...hba(d, before as never),
    ...journal(d, ended),
    ...foreign(d),
    ...images(d),
    ...promises(d, ended, before.kept),
    ...noticed(app, ended, options),
    ...(foreignFiles(app) === before.foreign ? [] : ['userdata or files that are not from git were touched']),
    ...(app.id === before.container ? [] : ['the container is another one']),
    ...localChanges(d, before),
    ...(ended.exitCode === KILLED || ended.exitCode === 6
      ? named(app, ended)
      : [
          ...leftovers(d, app, ended),
          ...helpers(d),
          ...(expected ? await runs(d, app, expected) : ['nobody knows what is to run']),
          ...(isNew ? settled(d, ended, goal) : asBefore(d, app, ended, before)),
        ]),
  ];
  if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\n\nexit ${ended.exitCode}\n${ended.text}`);
}

/** What was pushed. */
function pushed(d: Deployment): Goal {
  const release = d.machine.engine.releases.get(d.machine.repository?.remote.get('main') ?? '');
  return { release, stamp: release?.head };
}

/** What a visitor noticed while the script ran. */
function noticed(app: Container, { text }: Ended, { fault }: RunOptions): string[] {
  const {
    failures = [],
    waits = [],
    mixes = [],
    twoSchedulers = [],
    schedulerRefused = [],
    interruptions = 0,
  } = app.app?.visitor ?? {};
  const isDue = fault?.how.startsWith('container') || /RESTART THE CONTAINER|the container is restarted/.test(text);
  const dies = [...(app.app?.releases.values() ?? [])].some((r) => r.crashesInPlace);
  const restartsProgram = / is restarted: /.test(text);
  const mayWait = interruptions > 0 || dies || /Reload gunicorn/.test(text);
  return [
    ...failures.filter(() => interruptions === 0 || !isDue).map((f) => `a request failed: ${f}`),
    ...waits.filter(() => !mayWait).map((w) => `requests had to wait: ${w}`),
    // Killed between two renames, a container starts from some of both: nothing but a second copy of all could help.
    ...mixes
      .filter(() => !(fault?.how.startsWith('container') && fault.label.endsWith(' - place')))
      .map((m) => `requests were answered by workers that were started from a mix of files: ${m}`),
    ...twoSchedulers,
    // Where the plan said so: at the published ports they wait then, see hold.test.ts.
    ...schedulerRefused
      .filter(() => interruptions === 0 && !restartsProgram)
      .map((w) => `a request to the scheduler failed: ${w}`),
  ];
}

/** A release runs: every file, every process. */
async function runs(d: Deployment, app: Container, release: Release): Promise<string[]> {
  const { web, gunicorns = [], releases = new Map() } = app.app ?? {};
  const short = release.commit.slice(0, 6);
  const copies = [...filesOf(release)].flatMap(([from, { data }]) =>
    copiesOf(from).filter((to) => fileAt(app, to) !== undefined && fileAt(app, to)?.data !== data),
  );
  const schedulers = gunicorns.filter((g) => g.env.ENABLE_SCHEDULER === 'true');
  const launches = (all: readonly { name: string; launch: Launch }[] = []) =>
    JSON.stringify(all.map(({ name, launch: { argv, env } }) => [name, argv, env.ENABLE_SCHEDULER]));
  const contents = (g: { workers: readonly { content: string }[] } | undefined) =>
    g?.workers.map((w) => w.content) ?? [];
  const others = (all: readonly string[]) => all.filter((c) => c !== release.commit);
  return [
    ...wrongIn(app, ROOT, release, releases).map((f) => `not as ${short} has it: ${f}`),
    ...copies.map((f) => `not as ${short} has it: ${f}`),
    ...(!app.app || launches(app.app.programs) === launches(configured(app.app))
      ? []
      : ['supervisord runs other programs than its configuration has']),
    ...(web?.workers.every((w) => w.booted && !w.leaving) && web.workers.length > 0
      ? []
      : ['no worker serves, or not all']),
    ...others(contents(web)).map((c) => `a worker runs ${c === MIX ? 'a mix' : c.slice(0, 6)} instead of ${short}`),
    ...(schedulers.length === 1 ? [] : [`${schedulers.length} schedulers`]),
    ...others(schedulers.flatMap(contents)).map((c) => `the scheduler runs ${c.slice(0, 6)} instead of ${short}`),
    ...((await isServing(d.machine.engine, app)) ? [] : ['the application does not serve']),
  ];
}

/** Whatever stays for all that was tried is told. */
function leftovers(d: Deployment, app: Container, { text, exitCode }: Ended): string[] {
  const { canaries = [], others = [] } = app.app ?? {};
  if (text.includes('stays in the container')) return [];
  // Of a run before this one that was killed the sign stays, and the way back, until a release is proved.
  const last = journals(d).at(-1)?.name ?? '?';
  const stays = /^\/[^/]+\/(?:\.whalefall-release\.json|old\.json|old\/.*)$/;
  const isSign = (file: string) =>
    exitCode !== 0 && stays.test(file.slice(STAGING.length)) && !file.startsWith(`${STAGING}/${last}/`);
  return [
    ...pathsBelow(app, STAGING)
      .filter((file) => !isSign(file))
      .slice(0, 3)
      .map((f) => `left in the container: ${f}`),
    ...[...canaries.filter((c) => c.alive), ...others].map((p) => `left running: ${p.argv.join(' ')}`),
  ];
}

/** Servers and programs of a run go with it. */
const helpers = ({ machine }: Deployment): string[] =>
  machine.engine.containers.filter((c) => c.name.startsWith('whalefall-ops-')).map((c) => `left running: ${c.name}`);

/** With exit code 6 the staging directory may stay, and must be named then. */
const named = (app: Container, { text, exitCode }: Ended): string[] =>
  exitCode === 6 && pathsBelow(app, STAGING).length > 0 && !text.includes(STAGING)
    ? ['a staging directory stays, and nobody says so']
    : [];

function settled(d: Deployment, { text }: Ended, { release, stamp }: Goal): string[] {
  const { repository } = d.machine;
  const marker = fileAt(appOf(d), MARKER)?.data ?? '';
  const saidSo = /deploy directory was (not reset|changed)|git .*(reset|exit code)/.test(text);
  const workers = appOf(d).app?.web?.workers.length;
  const asked = Number(/workers = (\d+)/.exec(fileAt(appOf(d), `${ROOT}/gunicorn.conf.py`)?.data ?? '')?.[1]);
  return [
    ...(workers === asked ? [] : [`${workers} workers instead of ${asked}`]),
    ...(d.database?.stamp === stamp ? [] : [`the schema is at ${d.database?.stamp}`]),
    ...(marker.includes(release?.commit ?? '?') ? [] : [`the marker says ${marker.trim()}`]),
    ...(readReleases({ backups: path.join(d.state, 'backups') }).some((r) => r.commit === release?.commit)
      ? []
      : ['the release is not recorded']),
    ...(repository?.head === release?.commit || saidSo ? [] : [`the deploy directory is at ${repository?.head}`]),
    ...(repository?.head === release?.commit && changedLocally(d).length > 0
      ? ['the deploy directory is not clean']
      : []),
  ];
}

function asBefore(d: Deployment, app: Container, { text, exitCode }: Ended, before: Before): string[] {
  const { repository } = d.machine;
  const workers = app.app?.web?.workers.length;
  const now = d.database?.stamp;
  const migrated = now !== before.stamp;
  return [
    ...(workers === before.workers ? [] : [`${workers} workers instead of ${before.workers}`]),
    ...(migrated && !text.includes(MIGRATED) ? [`the schema is at ${now}, and nobody says so`] : []),
    ...(!migrated && text.includes(MIGRATED) ? ['the schema is as before, although the output says otherwise'] : []),
    ...((d.database?.tables.notes?.length ?? 0) < before.notes ? ['rows are missing'] : []),
    ...(fileAt(app, MARKER)?.data === before.marker ? [] : ['the marker is another one']),
    ...(fileAt(app, SITE_RENDERED)?.data === before.site ? [] : ['the nginx site is another one']),
    ...(repository?.head === before.head
      ? []
      : [`exit ${exitCode}, but the deploy directory is at ${repository?.head}`]),
    ...(checkoutOf(d) === before.checkout ? [] : ['files of the deploy directory were touched']),
    ...(JSON.stringify([...(repository?.worktree.readIndex() ?? [])]) === before.index
      ? []
      : ['the index was touched']),
  ];
}

/** Whatever was changed by hand in the deploy directory lies there still, or under a ref. */
function localChanges(d: Deployment, before: Before): string[] {
  const { repository } = d.machine;
  if (!repository) return [];
  const saved = [...repository.refs]
    .filter(([ref]) => ref.startsWith('refs/whalefall-ops/saved/'))
    .flatMap(([, commit]) => [...(repository.objects.treeOf(commit)?.values() ?? [])].map((e) => e.blob));
  const here = tracked(d).map((f) => repository.worktree.entry(f)?.blob);
  return before.changed
    .filter((b) => !saved.includes(b) && !here.includes(b))
    .map((b) => `a local change is lost: ${b}`);
}

/** Runs a script that changes the release in the running container, and checks the invariants. */
export const hotCheck =
  (goalOf: (d: Deployment) => Goal): Check =>
  async (d, args, options) => {
    const [before, goal] = [look(d), goalOf(d)];
    const app = appOf(d).app;
    if (app) app.visitor.start(d.machine.clock.monotonic(), app.service());
    const ended = await d.run(args, options);
    await check(d, ended, before, goal, options);
    return ended;
  };

const update = hotCheck(pushed);

/** Runs the hot update and checks the invariants. */
export const updateAndCheck = (d: Deployment, args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
  update(d, args, { script: UPDATE, ...options });
