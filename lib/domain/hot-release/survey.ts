import type { Ops } from '../../core/ops.ts';
import { formerTreeOf, treeOf } from '../../tools/git/tree.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { lookAgain } from '../app/container-health.ts';
import { endpointsOf } from '../app/endpoints.ts';
import { healthCheck } from '../app/health.ts';
import { type FileEntry, type Inventory, isKept, lookAround, type Surroundings } from '../app/inventory.ts';
import { surveyJobs } from '../app/jobs.ts';
import type { Marker } from '../app/marker.ts';
import { findPrograms, isGunicorn, type Program, type Programs } from '../app/programs.ts';
import { readRevisions } from '../app/revisions.ts';
import { surveyRoutes } from '../app/routes.ts';
import { claimStack, refuseForeignVolumes } from '../data/claim.ts';
import { surveyExample } from '../env/example.ts';
import { envValues } from '../env/file.ts';
import { readReleases } from '../ledger/releases.ts';
import { builtArtefacts, madeOf, otherSources, unbuiltReasons } from '../release/artefact-stages.ts';
import { findArtefacts } from '../release/artefacts.ts';
import { refusePointers } from '../release/buildable.ts';
import { copyRules, findCopies, planRelease } from '../release/copies.ts';
import { hiddenBy } from '../release/hidden.ts';
import { inspectLocal } from '../release/local-changes.ts';
import { commitsMidway } from '../release/midway.ts';
import { identifyRunning } from '../release/running.ts';
import { describeCommit, fetchSource } from '../release/source.ts';
import { surveyEnvChange } from '../replacement/former-env.ts';
import { inspectSchema, type Schema } from '../schema/revision.ts';
import { resolveStack } from '../stack/compose-config.ts';
import { findVolumes } from '../stack/containers.ts';
import { withLeftAlone } from '../stack/left-alone.ts';
import { surveyPrerequisites } from '../stack/prerequisites.ts';
import { findSoleContainers } from '../stack/replicas.ts';
import { databaseOf } from '../stack/stack.ts';
import type { Facts, Running } from './facts.ts';
import { restartOfUnfinished, workersOfUnfinished } from './interrupted.ts';
import { needsRebuild, surveyDrift } from './rebuild-needed.ts';
import { requireServing } from './require-serving.ts';

/**
 * Looks at everything the plan depends on. Changes nothing but the repository's remote-tracking refs. Questions that don't depend on
 * one another are asked at once.
 *
 * @throws {OpsError} `precondition` when something is not up and healthy, or there is nothing to be had from the remote.
 */
export async function surveyUpdate(ops: Ops, ref: string): Promise<Facts> {
  const started = ops.clock.monotonic();
  const fetching = fetchSource(ops, ref);
  const resolving = resolveStack(ops);
  for (const answer of [fetching, resolving]) answer.catch(() => undefined);
  const { compose, checkout } = await surveyPrerequisites(ops);
  const resolved = await resolving;
  await claimStack(ops, resolved);
  const stack = await withLeftAlone(ops, resolved);
  const [found, volumes] = await Promise.all([findSoleContainers(ops, stack), findVolumes(ops, stack)]);
  refuseForeignVolumes(stack, volumes);
  const containers = found.app ? { ...found, app: await lookAgain(ops, found.app) } : found;
  const { app, postgres } = await requireServing(ops, stack, containers, undefined);
  const database = databaseOf(stack, postgres, volumes);

  const places = copyRules(ops.target).map(({ to }) => to);
  const looking = lookAround(ops, app.id, places);
  const asking = findPrograms(ops, app.id);
  const envChanging = surveyEnvChange(ops, stack, app);
  const inContainer = Promise.all([
    healthCheck(ops, endpointsOf(ops.target, app)),
    asking,
    asking.then(({ all }) => surveyRoutes(ops, app, all)),
    inspectSchema(ops, database),
    identify(ops, database),
    looking,
    looking.then((around) => describeFormer(ops, around, app.imageId, checkout.commit)),
    envChanging,
    asking.then((programs) => surveyJobs(ops, database, programs)),
  ]);
  inContainer.catch(() => undefined);
  const source = await fetching;
  const drifting = surveyDrift(ops, app, envChanging, { commit: source.commit, compose });
  drifting.catch(() => undefined);
  const [release, local] = await Promise.all([
    treeOf(ops, source.commit),
    inspectLocal(ops, source.commit),
    refusePointers(ops, source.commit),
  ]);
  const built = await builtArtefacts(ops, stack, source.commit, release);
  const artefacts = findArtefacts(ops, release, madeOf(built));
  const tree: Inventory = new Map([...release, ...artefacts.files].filter(([file]) => !isKept(ops.target, file)));
  const [health, programs, served, schema, identity, around, before, envChange, jobs] = await inContainer;
  const [{ files, elsewhere, marker, cutShort }, { running, trees }] = [around, before];
  await requireServing(ops, stack, containers, health);

  const others = await otherSources(ops, built, marker, files);
  const stale = others.filter(({ made }) => made);
  const replaced = [...artefacts.directories.map((d) => d.path), ...madeOf(stale)];
  const former = withArtefacts(trees, replaced, files);
  const buildTarget = stack.services.app.build?.target;
  const compared = { app, running, former, source, tree, buildTarget };
  const [changed, drift] = await Promise.all([needsRebuild(ops, compared), drifting]);
  const rebuildReasons = [
    ...(changed.length > 0 ? changed : drift),
    ...(await unbuiltReasons(ops, { release: { commit: source.commit, built, here: artefacts }, running })),
  ];
  const { workers } = programs.web;
  const midway = await commitsMidway(ops, tree, schema.kind === 'empty' ? undefined : schema.revision);
  const known = former && (running.certain ? former : sameIn(former, files));
  const filePlan = planRelease({ target: ops.target, tree, files }, known);
  return {
    stack,
    app,
    database,
    identity,
    programs,
    served,
    workers: workersOfUnfinished(ops, { app, programs }) ?? workers.length,
    pendingRestart: restartOfUnfinished(ops, { app, programs }),
    seenAt: programs.uptime,
    source,
    tree,
    artefacts,
    built,
    stale,
    running,
    files: filePlan,
    hidden: hiddenBy(ops.target, app.mounts, [...release.keys(), ...artefacts.files.keys()]),
    former: known,
    copies: findCopies(ops.target, tree, elsewhere),
    cutShort,
    outdated: isHot(marker) && runsOlder(programs),
    rebuildReasons,
    local,
    envChange,
    example: await surveyExample(ops, source.commit, envValues(ops)),
    schema,
    jobs,
    midway,
    newMigrations: [...tree.keys()].filter(
      (f) => f.startsWith(ops.target.release.migrations) && f.endsWith('.py') && !files.has(f),
    ),
    pending: filePlan.put.length === 0 && (await isBehind(ops, app.id, schema)),
    milliseconds: Math.round(ops.clock.monotonic() - started),
  };
}

/** What runs; and what git had in it and in releases of runs that were killed, of each path the last one's, if any of these is known here. */
async function describeFormer(
  ops: Ops,
  around: Surroundings,
  imageId: string,
  checkedOut: string,
): Promise<{ running: Running; trees: Inventory | undefined }> {
  const { files, marker, cutShort } = around;
  const code = await identifyRunning(ops, around, imageId, checkedOut);
  // What a run that was killed left is a mix of two releases: then the mark tells more than the files.
  const byFiles = code.commit ?? code.nearest?.commit ?? checkedOut;
  const now = cutShort.staging ? (marker?.commit ?? byFiles) : byFiles;
  const commits = [...cutShort.releases.map((m) => m.commit), now];
  const described = await Promise.all(commits.map((commit) => describeCommit(ops, commit)));
  const released = readReleases(ops.paths).at(-1)?.commit;
  const isProved = now === released || !cutShort.releases.some((m) => m.run === marker?.run);
  // Before the first release of ours, what is checked out: a run brings the directory to its release only when that is proved.
  const proved = isProved ? now : (released ?? checkedOut);
  const provedAs = isProved ? described.at(-1) : await describeCommit(ops, proved);
  const known = commits.filter((_, at) => described[at] !== undefined);
  const trees = await Promise.all(known.map((commit) => formerTreeOf(ops, commit)));
  const subject = described.at(-1)?.subject;
  return {
    running: {
      commit: described.at(-1) && now,
      subject,
      certain: marker !== undefined && marker.commit === now,
      files,
      code: cutShort.staging ? undefined : code,
      released,
      proved: provedAs && { commit: proved, subject: provedAs.subject },
    },
    trees: trees.length > 0 ? new Map(trees.flatMap((tree) => [...tree])) : undefined,
  };
}

/** Whether the code that is there has migrations which the database has not. */
async function isBehind(ops: Ops, container: string, schema: Schema): Promise<boolean> {
  if (schema.kind !== 'versioned') return true;
  const { head, known } = await readRevisions(ops, container, ops.target.app.root, schema.revision);
  return known && head !== schema.revision;
}

/** A new container is marked when it serves; a hot release before the processes are replaced. */
const isHot = (marker: Marker | undefined) => marker?.hot ?? marker?.run.endsWith('-update-prod-flask') ?? false;

/** Whether anything that runs the release's code was started before its files were put in place. */
export function runsOlder(programs: Programs): boolean {
  const { web, released = 0 } = programs;
  const runs = [web, ...programs.companions].filter((p) => p.state === 'RUNNING');
  // A gunicorn's master stays, its workers load the code; whatever else has children may make them whenever it likes.
  const loads = (p: Program) => (isGunicorn(p) && p.workers.length > 0 ? p.workers : [p]);
  return runs.flatMap(loads).some(({ start }) => start < released);
}

/** Artefacts are replaced whole: an earlier build's files go like those that git no longer has. */
function withArtefacts(
  former: Inventory | undefined,
  directories: readonly string[],
  there: Inventory,
): Inventory | undefined {
  const earlier = [...there].filter(([file]) => directories.some((d) => file.startsWith(`${d}/`)));
  return earlier.length > 0 ? new Map([...(former ?? []), ...earlier]) : former;
}

/** A commit that is only assumed to run tells of a file that it came from git when its content is the same. */
const sameIn = (tree: ReadonlyMap<string, FileEntry>, files: Inventory): Inventory =>
  new Map([...tree].filter(([path, entry]) => files.get(path)?.blob === entry.blob));
