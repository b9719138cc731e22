import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { readManifest } from '../../../lib/domain/backup/manifest.ts';
import { readReleases } from '../../../lib/domain/ledger/releases.ts';
import type { Check } from './again.ts';
import { isServing } from './app.ts';
import { type Bad, breaks } from './broken-releases.ts';
import { type Cluster, type Database, type HbaRule, hbaRules, isRemote } from './cluster.ts';
import type { Deployment, Ended, RunOptions } from './deployment.ts';
import { KILLED } from './faults.ts';
import { FOREIGN_VOLUME } from './files.ts';
import { consentedIn, journal } from './journals.ts';
import { databasesIn, type Loss } from './ledger.ts';
import { type Tree, unpack } from './tar.ts';

/** What no run may change: whose data the server has, and what others made. */
export interface Kept {
  /** System identifier of the cluster that the database's server has. */
  readonly cluster: string | undefined;
  readonly others: readonly Other[];
}

export const keptNow = (d: Deployment): Kept => ({
  cluster: d.container('postgres')?.server?.cluster.systemIdentifier,
  others: othersOf(d),
});

/** Identity, owner and old container: the same for every flow, at whatever point a run ended. */
export const promises = (d: Deployment, ended: Ended, before: Kept): string[] => [
  ...cluster(d, before),
  ...owners(d, ended, before.others),
  ...d.wayBack,
];

/** Production at a moment, for comparison with a later one. */
interface Before extends Kept {
  readonly serving: boolean;
  readonly commit: string | undefined;
  readonly database: Database | undefined;
  readonly userdata: Tree;
  readonly redis: Tree | undefined;
  readonly hba: readonly HbaRule[];
  /** How many releases are recorded. */
  readonly releases: number;
}

/** A container that compose made from another directory. */
interface Other {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

async function look(d: Deployment): Promise<Before> {
  const app = serving(d);
  return structuredClone({
    serving: app !== undefined && (await isServing(d.machine.engine, app)),
    commit: app?.image.release?.commit,
    database: d.database,
    userdata: d.userdata,
    redis: d.volume('redis')?.files,
    hba: hbaRules(d.cluster?.hba ?? ''),
    releases: releases(d).length,
    ...keptNow(d),
  });
}

const releases = (d: Deployment) => readReleases({ backups: path.join(d.state, 'backups') });

export function othersOf({ machine, dir }: Pick<Deployment, 'machine' | 'dir'>): Other[] {
  const own = statSync(dir).ino;
  return machine.engine.containers.flatMap(({ id, name, state, labels = {} }) => {
    const by = labels['com.docker.compose.project.working_dir'];
    return by === undefined || statSync(by, { throwIfNoEntry: false })?.ino === own ? [] : [{ id, name, state }];
  });
}

/** What another directory made is as it was, and no command was about it, unless somebody agreed that it is taken over. */
export function owners(d: Deployment, { changes }: Ended, before: readonly Other[]): string[] {
  const agreed = consentedIn(d);
  return before
    .filter(({ id }) => !agreed.includes(id))
    .flatMap(({ id, name, state }) => [
      ...(d.machine.engine.find(id)?.state === state ? [] : [`${name} is another directory's, and is changed`]),
      ...changes.filter((c) => c.includes(id)).map((c) => `${name} is another directory's: ${c}`),
    ]);
}

const serving = (d: Deployment) => {
  const app = d.container('whalefall');
  return app?.state === 'running' ? app : undefined;
};

/**
 * What must be so after every run, however it ended. Throws with all that is not.
 *
 * @param before production before the run.
 */
async function check(d: Deployment, ended: Ended, before: Before): Promise<void> {
  await d.machine.clock.sleep(10_000); // what was just started has booted
  const wrong = [
    ...exitCode(ended),
    ...lock(d),
    ...secrets(d, ended),
    ...lost(d),
    ...hba(d, before),
    ...journal(d, ended),
    ...foreign(d),
    ...images(d),
    ...promises(d, ended, before),
    ...(await served(d, ended, before)),
    ...(await held(d, ended)),
  ];
  if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\n\nexit ${ended.exitCode}\n${ended.text}`);
}

/** Nobody waits any more for a run that has ended, and the next one finds nothing of a run that was killed to be in its way. */
export async function held({ machine }: Deployment, { exitCode }: Ended): Promise<string[]> {
  if (exitCode === KILLED) await machine.clock.sleep(15_000);
  const doormen = machine.engine.containers.filter((c) => c.doorman).map((c) => `${c.name} stands there`);
  return [...doormen, ...(exitCode === KILLED ? machine.firewall.leading : machine.firewall.rules)];
}

export function exitCode({ exitCode, text }: Ended): string[] {
  return [
    ...([0, 1, 2, 3, 4, 6, 130, KILLED].includes(exitCode) ? [] : [`exit code ${exitCode}`]),
    ...(exitCode === 6 && !/docker (?:exec|start|tag|logs|unpause)|restore-prod\.ts/.test(text)
      ? ['exit code 6 without any command for a person']
      : []),
    ...(exitCode === 6 && /^→ *docker compose/m.test(text)
      ? ['exit code 6 with a command that reads the compose file, which may be another release’s']
      : []),
    ...(/This is a bug in whalefall-ops/.test(text) ? ['an error that nobody expected'] : []),
  ];
}

export const lock = (d: Deployment) => (d.machine.isLocked() ? ['the lock is held'] : []);

/** Files that hold secrets on purpose, and are 0600. */
const SECRET_FILES =
  /\/(admin-password|postgres-upgrades\/[\w-]+\.container\.json|containers\/[\w-]+\.(?:env|json)|before-\w+\.json|env-set-aside|database\.dump|globals\.sql|[\w-]+\.tar)$/;

export function secrets(d: Deployment, { text, calls }: Ended): string[] {
  const places: [string, string][] = [
    // An admin's password is shown once, on a terminal.
    ['the output', text.replace(/^Password of admin \(shown only now\): .*$/m, '')],
    ['the arguments of a command', calls.flatMap((c) => c.argv).join('\n')],
    ...d
      .files()
      .filter((f) => !SECRET_FILES.test(f))
      .map((f): [string, string] => [f, readFileSync(f, 'utf8')]),
  ];
  return places.flatMap(([where, what]) =>
    [...d.secrets].filter((s) => what.includes(s)).map((s) => `the secret ${s} is in ${where}`),
  );
}

export function foreign(d: Deployment): string[] {
  return d.machine.engine.volumes.get(FOREIGN_VOLUME)?.files.file === 'precious' ? [] : ['the foreign volume suffered'];
}

/** No image has what the scripts keep: dumps, userdata, the admin's password. */
export function images(d: Deployment): string[] {
  return d.machine.engine.images.flatMap(({ id, files, layer = {}, legacy, labels }) => {
    const goes = Boolean(labels?.['whalefall-ops.state']); // with the next run
    const holdsUserdata = !goes && Object.keys(layer).some((f) => f.startsWith('/app/userdata/'));
    return [
      ...(!legacy && files?.has('.whalefall-ops') ? [`the image ${id} contains the state directory`] : []),
      ...(holdsUserdata ? [`the image ${id} contains userdata`] : []),
    ];
  });
}

/** Nothing of production's is gone that is in no verified backup, and nothing without a consent. */
export function lost(d: Deployment): string[] {
  const kept = saved(d);
  const consented = consentedIn(d);
  return d.machine.ledger.losses.flatMap((loss) => {
    const isGivenUp = loss.kind === 'userdata' && consented.includes(`userdata of ${loss.container}`);
    const isSaved = isGivenUp || kept.some((k) => covers(k, loss));
    const needsConsent = loss.kind === 'volume';
    return [
      ...(isSaved ? [] : [`lost for ever: ${JSON.stringify(loss).slice(0, 400)}`]),
      ...(needsConsent && !consented.some((t) => t.startsWith(`${loss.name} `))
        ? [`nobody agreed to lose ${loss.name}`]
        : []),
    ];
  });
}

interface Saved {
  readonly databases: Record<string, Database>;
  readonly files: Tree | undefined;
}

/** What the backups that were tried, and say so, and the runs' directories hold. */
function saved(d: Deployment): Saved[] {
  const backups = path.join(d.state, 'backups');
  const names = existsSync(backups) ? readdirSync(backups).filter((n) => !n.endsWith('.partial')) : [];
  const kept = names.map((name): Saved => {
    const dir = path.join(backups, name);
    const manifest = readManifest(dir);
    if (manifest.kind === 'volume') {
      const files = unpack(readFileSync(path.join(dir, manifest.files.archive.name)))?.files;
      return { files, databases: databasesIn(files ?? {}) };
    }
    const dump = readFileSync(path.join(dir, manifest.files.dump.name), 'utf8');
    const isTried = manifest.verification.level === 'restored' && d.machine.ledger.restored.has(dump);
    const content = (): Database => JSON.parse(dump.slice(5, -4)) as Database;
    return { files: undefined, databases: isTried ? { [manifest.database.name]: content() } : {} };
  });
  const userdata = d.files(path.join(d.state, 'runs')).filter((f) => f.endsWith('userdata.tar'));
  return [...kept, ...userdata.map((f) => ({ files: unpack(readFileSync(f))?.files, databases: {} }))];
}

function covers(kept: Saved, loss: Loss): boolean {
  if (loss.kind === 'database') return Object.values(kept.databases).some((k) => same(k, loss.content));
  if (loss.kind === 'userdata') {
    const bare = Object.fromEntries(Object.entries(loss.files).map(([f, c]) => [f.replace('/app/userdata/', ''), c]));
    return same(kept.files, bare);
  }
  const inside = Object.entries(databasesIn(loss.files));
  if (loss.files.cluster === undefined) return same(kept.files, loss.files);
  return inside.every(([name, db]) => same(kept.databases[name], db));
}

/** What new servers had written into a volume before its old files came back is kept beside them. */
const inPlace = (files: Tree = {}): Tree =>
  Object.fromEntries(Object.entries(files).filter(([name]) => !name.startsWith('.set-aside-')));

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Without a deletion the server has the very cluster from before, at whatever point the run ended. */
function cluster(d: Deployment, before: Kept): string[] {
  const now = d.container('postgres')?.server?.cluster.systemIdentifier;
  if (consentedIn(d).length > 0 || before.cluster === undefined || now === undefined) return [];
  return now === before.cluster ? [] : [`the server has another cluster than before: ${now}`];
}

/** No rule for strangers that asks for less than before, in the file or in force. */
export function hba(d: Deployment, before: Before): string[] {
  const trusting = (rules: readonly HbaRule[]) => rules.filter((r) => isRemote(r) && r.method === 'trust').length;
  const allowed = trusting(before.hba);
  const server = d.container('postgres')?.server;
  const cluster = d.volume('postgres')?.files.cluster as Cluster | undefined;
  return [
    ...(trusting(hbaRules(cluster?.hba ?? '')) > allowed ? ['pg_hba.conf is weaker than before'] : []),
    ...(trusting(server?.inForce ?? []) > allowed ? ['the rules in force are weaker than before'] : []),
  ];
}

const rows = (db: Database | undefined) => db?.tables.notes?.map((n) => n.replace(/ \| migrated.*/, '')) ?? [];

/** Whatever happened in between: in the end production has all that it had. */
export const keepsData =
  (runs: Check): Check =>
  async (d, args, options) => {
    const before = await look(d);
    const ended = await runs(d, args, options);
    const missing = rows(before.database).filter((n) => !rows(d.database).includes(n));
    const wrong = [
      ...(missing.length > 0 ? [`rows are missing in the end: ${missing.join(', ')}`] : []),
      ...(same(d.userdata, before.userdata) ? [] : [`userdata differs in the end: ${JSON.stringify(d.userdata)}`]),
      ...(same(inPlace(d.volume('redis')?.files), before.redis) ? [] : ['the data of Redis differs in the end']),
    ];
    if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\n\nexit ${ended.exitCode}\n${ended.text}`);
    return ended;
  };

/** The old or the new release serves, with the data that belongs to it; or the run said that it does not. */
async function served(d: Deployment, { exitCode, changes }: Ended, before: Before): Promise<string[]> {
  if (exitCode === 6 || exitCode === KILLED) return []; // the next start tells what a killed run left
  const app = serving(d);
  const up = app !== undefined && (await isServing(d.machine.engine, app));
  const commit = app?.image.release?.commit;
  const isRecorded = releases(d).length > before.releases;
  if (isRecorded || (exitCode === 0 && changes.length > 0)) {
    const isNew = commit === d.machine.release.commit && d.database?.stamp === d.machine.release.head;
    return up && isNew
      ? []
      : [`${isRecorded ? 'recorded as proved' : 'exit code 0'}, but the new release does not serve`];
  }
  if (before.commit === undefined) return app ? ['the application runs, although nothing ran before'] : [];
  if (!up && before.serving) return ['production is down, and the run says that all is as before'];
  const missing = rows(before.database).filter((n) => !rows(d.database).includes(n));
  return [
    ...(commit === before.commit ? [] : [`another release serves than before: ${commit}`]),
    ...(d.database?.stamp === before.database?.stamp ? [] : [`the schema is at ${d.database?.stamp}`]),
    ...(same({ ...d.database?.tables, notes: [] }, { ...before.database?.tables, notes: [] }) ? [] : ['tables differ']),
    ...(missing.length > 0 ? [`rows are missing: ${missing.join(', ')}`] : []),
    ...(d.database?.tables.notes?.some((n) => n.includes('migrated')) ? ['rows are left migrated'] : []),
    ...(same(d.userdata, before.userdata) ? [] : ['userdata differs']),
    ...(same(inPlace(d.volume('redis')?.files), before.redis)
      ? []
      : [`the data of Redis differs: ${JSON.stringify(d.volume('redis')?.files)}`]),
  ];
}

/**
 * What must be so after a run that failed behind one that was killed: nothing is lost, and what serves has the data that belongs to it, or the
 * run says that nothing does.
 *
 * @param start production before both. @param isWhole every service had a container before it: only such a one is made again of what it was.
 */
async function checkBehind(d: Deployment, ended: Ended, start: Before, isWhole: boolean): Promise<void> {
  await d.machine.clock.sleep(10_000);
  const app = serving(d);
  const up = app !== undefined && (await isServing(d.machine.engine, app));
  const release = app?.image.release;
  const isSaid = ended.exitCode === 6 || /The application is stopped/.test(ended.text);
  const fits = release?.commit === start.commit ? start.database?.stamp : release?.head;
  const wrong = [
    ...exitCode(ended),
    ...lock(d),
    ...secrets(d, ended),
    ...lost(d),
    ...hba(d, start),
    ...foreign(d),
    ...images(d),
    ...promises(d, ended, start).filter((wrong) => isWhole || !d.wayBack.includes(wrong)),
    ...(await held(d, ended)),
    ...(up || isSaid || !start.serving ? [] : ['production is down, and nobody says so']),
    ...(up && d.database?.stamp !== fits ? [`${release?.commit} serves at schema ${d.database?.stamp}`] : []),
  ];
  if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\n\nexit ${ended.exitCode}\n${ended.text}`);
}

/** After the first run the same command line once more, with releases that do not run. */
export const thenFailing =
  (bad: Bad, check: Check): Check =>
  async (d, args, options) => {
    const start = await look(d);
    const ended = await check(d, args, options);
    if (!options.fault) return ended;
    const mend = breaks(d, bad);
    const { fault: _, ...without } = options;
    const isWhole = (['postgres', 'redis', 'whalefall'] as const).every((key) => d.container(key));
    const second = await d.run(args, without);
    mend();
    await checkBehind(d, second, start, isWhole).catch((error: Error) => {
      throw new Error(`fails behind exit ${ended.exitCode}: ${error.message}\n---- the first run:\n${ended.text}`);
    });
    return ended;
  };

/** Runs the script and checks the invariants. */
export async function runAndCheck(d: Deployment, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const before = await look(d);
  const ended = await d.run(args, options);
  await check(d, ended, before);
  return ended;
}
