import type { Container } from '../../tools/docker/containers.ts';
import type { DataIdentity } from '../../tools/postgres/identity.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import type { FilePlan } from '../app/file-plan.ts';
import type { Inventory } from '../app/inventory.ts';
import type { CutShort } from '../app/marker.ts';
import type { Programs } from '../app/programs.ts';
import type { ExampleFacts } from '../env/example.ts';
import type { BuiltArtefact } from '../release/artefact-stages.ts';
import type { Artefacts } from '../release/artefacts.ts';
import type { Copy } from '../release/copies.ts';
import type { LocalChanges } from '../release/local-changes.ts';
import type { RebuildReason } from '../release/rebuild-reasons.ts';
import type { Source } from '../release/source.ts';
import type { Schema } from '../schema/revision.ts';
import type { EnvChange, Hidden, Jobs, MidwayFile, RunningCode, Served } from '../stack/deployment.ts';
import type { Stack } from '../stack/stack.ts';
import type { RestartKind } from './options.ts';

/** Everything the plan of a hot update depends on, as the survey found it. Plain data: no secret, no handle. */
export interface Facts {
  readonly stack: Stack;
  readonly app: Container;
  readonly database: Database;
  /** What tells its data from any other. */
  readonly identity: DataIdentity;
  readonly programs: Programs;
  /** What else nginx serves now. */
  readonly served: Served;
  /** How many workers of the web program are to serve: as many as now, or as before an update that was killed while it replaced them. */
  readonly workers: number;
  /** What files that an update put in place before it was killed still need. */
  readonly pendingRestart: RestartKind | undefined;
  /** When they were looked at, seconds since the machine's start. Numbers of processes come again when a container is restarted. */
  readonly seenAt: number;
  readonly source: Source;
  /** Its files, but those that no release touches; with the artefacts, as far as they are here. */
  readonly tree: Inventory;
  readonly artefacts: Artefacts;
  /** What it has of which only the sources are in git. */
  readonly built: readonly BuiltArtefact[];
  /** Of these, what is to be built: the container has it from other sources, or nothing says from which. Its files are not in `tree` yet. */
  readonly stale: readonly BuiltArtefact[];
  readonly running: Running;
  readonly files: FilePlan;
  /** Mounts over files of the release. */
  readonly hidden: readonly Hidden[];
  /** What git had of what lies in the container; `undefined` when it is not known. */
  readonly former: Inventory | undefined;
  /** What earlier runs left that were killed: some of their releases' files may lie in place. */
  readonly cutShort: CutShort;
  /** Processes run that were started before the files were put in place. */
  readonly outdated: boolean;
  /** Files that the image's build copies elsewhere, and that will be another: repository path and place. */
  readonly copies: readonly Copy[];
  /** Why this must not be hot-updated. */
  readonly rebuildReasons: readonly RebuildReason[];
  readonly local: LocalChanges;
  /** `.env` was changed since the container was made; the processes in it have the former values. */
  readonly envChange?: EnvChange | undefined;
  /** `.env` against the example of what would run. */
  readonly example?: ExampleFacts | undefined;
  readonly schema: Schema;
  /** What the application works on beside its requests. */
  readonly jobs: Jobs;
  /** Migrations of the new release that are not in the container. */
  readonly newMigrations: readonly string[];
  /** Files by which the pending migrations commit on their way: a failure leaves what came before. */
  readonly midway: readonly MidwayFile[];
  /** Nothing but a migration is missing: the code is there, the schema is not at its newest revision. */
  readonly pending: boolean;
  readonly milliseconds: number;
}

export interface Running {
  readonly commit: string | undefined;
  readonly subject: string | undefined;
  /** False: the container does not say so; its files do, or come nearest to it. */
  readonly certain: boolean;
  /** What its files tell; `undefined` where a run that was killed left a mix. */
  readonly code: RunningCode | undefined;
  /** Commit of the ledger's last release. */
  readonly released: string | undefined;
  /** Where the way back leads: what was proved last. A release that a killed run has put in place was not. */
  readonly proved: { readonly commit: string; readonly subject: string } | undefined;
  /** What really lies in the container. */
  readonly files: Inventory;
}

/** As far as files tell. */
export const migratesNothing = ({ newMigrations, pending, schema }: Facts): boolean =>
  newMigrations.length === 0 && !pending && schema.kind === 'versioned';
