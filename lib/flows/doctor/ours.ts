import path from 'node:path';
import { WATCHED } from '../../core/notify.ts';
import type { Ops } from '../../core/ops.ts';
import { addressesOf, addressOf } from '../../domain/alerts/addresses.ts';
import { readDelivery } from '../../domain/alerts/deliveries.ts';
import { readOutcome, readOutcomes } from '../../domain/alerts/outcomes.ts';
import { listBackups, type Stored } from '../../domain/backup/manifest.ts';
import { hasLeftRules } from '../../domain/hold/lease.ts';
import { readDrills } from '../../domain/ledger/drills.ts';
import { eachRun, entriesOf, newestRuns, type Run } from '../../domain/ledger/runs.ts';
import { findUnfinished } from '../../domain/ledger/unfinished-runs.ts';
import { isOurs } from '../../runs/command-line/typed-again.ts';
import { backOf, finishOf } from '../../runs/interrupted/ways.ts';
import { isHeld } from '../../runs/main/lock.ts';
import { helperContainers } from '../../tools/docker/helpers.ts';
import type { OurFacts } from './facts.ts';
import { DAY } from './words.ts';

/** So many runs are read: a deploy directory that is backed up each night has thousands. */
const READ = 30;

/** What this tool's own files say. Reads the manifests and the newest journals. */
export async function ourFacts(ops: Ops): Promise<OurFacts> {
  const { stored, damaged, leftovers } = listBackups(ops.paths.backups);
  const databases = stored.filter(({ manifest }) => manifest.kind === 'database');
  const restored = databases.find(({ manifest }) => manifest.verification.level === 'restored');
  const [newest] = databases;
  const backups = newestRuns(ops.paths, READ, 'backup-prod');
  // What a run is making is no leftover. The doctor's own lock says nothing of that.
  const busy = ops.lockFd === undefined && isHeld(path.join(ops.paths.state, 'lock'));
  const helpers = await helperContainers(ops).catch(() => []);
  return {
    newest: newest && {
      name: newest.manifest.id,
      at: Date.parse(newest.manifest.createdAt),
      level: newest.manifest.verification.level,
      failed: newest.manifest.verification.failure !== undefined,
    },
    restored: restored && { name: restored.manifest.id, at: Date.parse(restored.manifest.createdAt) },
    damaged: damaged.map(({ dir }) => path.basename(dir)),
    leftovers: busy ? [] : leftovers.map((dir) => path.basename(dir)),
    exported: readOutcome(ops.paths, 'backup-prod export')?.success != null,
    drill: readDrills(ops.paths).at(-1),
    unfinished: unfinishedOf(ops),
    failedBackups: failuresIn(backups.filter((run) => commandOf(run) === 'create')),
    remains: helpers.filter(({ run }) => !isRunning(ops, run)).map(({ id, run }) => `${id.slice(0, 12)} (${run})`),
    alerts: { configured: ops.target.notify.channels.length > 0, unreached: unreachedOf(ops) },
    watched: watchedOf(ops),
    former: formerOf(ops, databases),
    heldRules: !busy && hasLeftRules(ops.paths),
    sizes: databases.flatMap(({ manifest }) =>
      manifest.kind === 'database' ? [{ at: Date.parse(manifest.createdAt), bytes: manifest.databaseBytes }] : [],
    ),
  };
}

function unfinishedOf(ops: Ops): OurFacts['unfinished'] {
  const run = findUnfinished(ops.paths);
  if (run === undefined) return undefined;
  const back = backOf(run);
  const ways = [isOurs(finishOf(run)) && 'resume', back && isOurs(back) && 'undo', 'leave'] as const;
  return { name: run.name, ways: ways.filter((way) => typeof way === 'string') };
}

const commandOf = (run: Run): string => entriesOf(run, 'run-start')[0]?.args?.[0] ?? '';
const endedWith = ({ state }: Run): number | undefined => (state.kind === 'ended' ? state.exitCode : undefined);

/** Since the last that succeeded. */
function failuresIn(runs: readonly Run[]): number {
  const good = runs.findIndex((run) => endedWith(run) === 0);
  const since = good < 0 ? runs : runs.slice(0, good);
  return since.filter((run) => run.state.kind === 'died' || (endedWith(run) ?? 0) !== 0).length;
}

/** By the configuration as it is now, and by the last attempt. */
function unreachedOf(ops: Ops): OurFacts['alerts']['unreached'] {
  const { channels, watch } = ops.target.notify;
  const all = [
    ...channels.map((c) => ({ to: c.name, address: addressesOf(ops, c) })),
    ...WATCHED.flatMap((name) => {
      const kept = watch[name]?.ping;
      return kept ? [{ to: `ping.${name}`, address: addressOf(ops, kept) }] : [];
    }),
  ];
  return all.flatMap(({ to, address }) => {
    if ('missing' in address) return [{ to, why: address.missing }];
    const why = readDelivery(ops.paths, to)?.failure;
    return why ? [{ to, why }] : [];
  });
}

function formerOf(ops: Ops, stored: readonly Stored[]): OurFacts['former'] {
  const now = ops.clock.now();
  const oldest = stored.findLast(({ manifest }) => {
    const age = now - Date.parse(manifest.createdAt);
    return age > DAY && age < 30 * DAY;
  })?.manifest;
  if (oldest?.kind !== 'database') return undefined;
  const rows = oldest.contents.tables.map((one) => [`${one.schema}.${one.name}`, one.rows] as const);
  return { at: Date.parse(oldest.createdAt), rows: Object.fromEntries(rows) };
}

function watchedOf(ops: Ops): OurFacts['watched'] {
  const outcomes = readOutcomes(ops.paths);
  return WATCHED.flatMap((what) => {
    const hours = ops.target.notify.watch[what]?.hours;
    if (hours === undefined) return [];
    const times = outcomes.flatMap((o) => (o.watched === what && o.success ? [Date.parse(o.success.at)] : []));
    return [{ what, hours, success: times.length > 0 ? Math.max(...times) : undefined }];
  });
}

function isRunning(ops: Ops, name: string): boolean {
  const [run] = eachRun(ops.paths, (of) => of === name);
  return run?.state.kind === 'running';
}
