import type { Ops } from '../../core/ops.ts';
import { unmet } from '../../core/refusal.ts';
import { joined, printable, type Text } from '../../core/text.ts';
import type { KnownVolume, VolumeIdentity } from '../../tools/docker/containers.ts';
import { checkSameVolume, findVolume } from '../../tools/docker/same-volume.ts';
import { renameDurably } from '../../tools/files/durable.ts';
import { answers, whatClusterHolds } from '../../tools/postgres/emptiness.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import type { Throwaway } from '../../tools/postgres/throwaway.ts';
import {
  type DatabaseManifest,
  type Manifest,
  readManifest,
  type Stored,
  type VolumeManifest,
  writeManifest,
} from './manifest.ts';
import { checkFiles, restoreAndCompare, throwIfDifferent } from './verify.ts';
import { type ArchivedDatabase, tryArchive } from './volume-trial.ts';

/** How long a proof may be used for deleting what it saved: what is written meanwhile is in no backup. */
const FRESH_MS = 3_600_000;

/** What the three proofs have in common. */
abstract class Proof {
  readonly #volume: KnownVolume;
  readonly #freshUntil: number;

  constructor({ clock }: Ops, volume: KnownVolume, freshMs = FRESH_MS) {
    this.#volume = volume;
    // The clock that never steps back: setting the date does not make an old backup fresh.
    this.#freshUntil = clock.monotonic() + freshMs;
  }

  /** The volume whose loss would lose nothing, as it was when it was saved. */
  get covers(): VolumeIdentity {
    return { name: this.#volume.name, createdAt: this.#volume.createdAt };
  }

  /**
   * Does the proof still hold? To be called directly before what it allows, while the volume's container exists (stopped or not).
   *
   * @throws {OpsError} `precondition`
   */
  async check(ops: Ops): Promise<void> {
    if (ops.clock.monotonic() > this.#freshUntil) throw stale(this.#volume.name, FRESH_MS / 60_000);
    if (this.#volume.holder === '') {
      if ((await findVolume(ops, this.#volume.name)) !== undefined) throw appeared(this.#volume.name);
    } else await checkSameVolume(ops, this.#volume);
    await this.checkContent(ops);
  }

  protected abstract checkContent(ops: Ops): Promise<void>;

  static is(value: unknown): value is Proof {
    return typeof value === 'object' && value !== null && #volume in value;
  }
}

class StoredProof<M extends Manifest> extends Proof {
  readonly #stored: Stored<M>;

  constructor(ops: Ops, stored: Stored<M>, holder: string) {
    super(ops, { ...stored.manifest.volume, holder });
    this.#stored = stored;
  }

  get dir(): string {
    return this.#stored.dir;
  }

  get manifest(): M {
    return this.#stored.manifest;
  }

  protected override async checkContent(): Promise<void> {
    const now = readManifest(this.dir);
    if (JSON.stringify(now) !== JSON.stringify(this.manifest)) throw replaced(this.dir);
    await checkFiles(this.#stored);
  }
}

class BackupProof extends StoredProof<DatabaseManifest> {
  readonly kind = 'backup';

  /** Databases of the same cluster that are not in it: while there are any, it does not vouch for the volume. */
  get leavesOut(): readonly string[] {
    return this.manifest.leavesOut;
  }

  protected override async checkContent(): Promise<void> {
    if (this.leavesOut.length > 0) throw leavesOut(this.covers.name, this.leavesOut);
    await super.checkContent();
  }
}

class ArchiveProof extends StoredProof<VolumeManifest> {
  readonly kind = 'archive';
}

class NothingProof extends Proof {
  readonly kind = 'nothing';
  readonly #recheck: (ops: Ops) => Promise<void>;

  constructor(ops: Ops, volume: KnownVolume, freshMs: number, recheck: (ops: Ops) => Promise<void>) {
    super(ops, volume, freshMs);
    this.#recheck = recheck;
  }

  protected override checkContent(ops: Ops): Promise<void> {
    return this.#recheck(ops);
  }
}

/** A database backup that was restored, and everything in it compared. Made by {@link verifyBackup} and by nothing else. */
export type VerifiedBackup = BackupProof;
/** A cold copy of a volume that was tried out. Made by {@link verifyArchive} and by nothing else. */
export type VerifiedArchive = ArchiveProof;
/** There is nothing in the volume. Made by {@link proveNothingToLose} and {@link proveAbsent} and by nothing else. */
export type NothingToLose = NothingProof;
/** The volume may go: what is in it is elsewhere, or nothing is. */
export type SafeToDelete = VerifiedBackup | VerifiedArchive | NothingToLose;

/** Run-time counterpart of the type, for callers that come from plain JavaScript. */
export const isSafeToDelete = (value: unknown): value is SafeToDelete => Proof.is(value);

export interface Sealing {
  /** Container that has the volume mounted. */
  readonly holder: string;
  /** The name that the directory gets once it is proved. */
  readonly finalDir: string;
  /** Somebody else still reads the files by their present names. */
  readonly after?: Promise<unknown>;
}

/**
 * Restores a backup that was taken a moment ago into the throwaway, compares everything, notes the result in its manifest, and vouches
 * for it: from now on it counts as fresh.
 *
 * @throws {OpsError} when it can't be restored, or restores anything other than what was there.
 */
export async function verifyBackup(
  ops: Ops,
  stored: Stored<DatabaseManifest>,
  throwaway: Throwaway,
  { holder, finalDir, after }: Sealing,
): Promise<VerifiedBackup> {
  const { differences, milliseconds } = await restoreAndCompare(ops, stored, throwaway);
  throwIfDifferent(stored.dir, differences);
  await after;
  return new BackupProof(ops, await seal(ops, stored, finalDir, { level: 'restored', milliseconds }), holder);
}

/**
 * Reads an archive that was made a moment ago to its end and, for a PostgreSQL volume, starts a server on a copy of it, notes the
 * result in its manifest, and vouches for it.
 *
 * @param database for the data directory of a PostgreSQL server.
 */
export async function verifyArchive(
  ops: Ops,
  stored: Stored<VolumeManifest>,
  database: ArchivedDatabase | undefined,
  { holder, finalDir }: Sealing,
): Promise<VerifiedArchive> {
  const started = ops.clock.monotonic();
  await tryArchive(ops, stored, database);
  const level = database ? 'started' : 'readable';
  const milliseconds = Math.round(ops.clock.monotonic() - started);
  return new ArchiveProof(ops, await seal(ops, stored, finalDir, { level, milliseconds }), holder);
}

/**
 * Looks into every database of the running cluster. The proof looks again when it is used, if the server still runs.
 *
 * @throws {OpsError} `precondition`, naming what is there; {@link CommandError} when it can't be asked.
 */
export async function proveNothingToLose(ops: Ops, db: Database): Promise<NothingToLose> {
  const look = async (now: Ops) => {
    const found = await whatClusterHolds(now, db);
    if (found.length > 0) throw notEmpty(db.volume.name, found);
  };
  await look(ops);
  const again = async (now: Ops) => {
    if (await answers(now, db)) await look(now);
  };
  return new NothingProof(ops, { ...db.volume, holder: db.container.id }, FRESH_MS / 4, again);
}

/** @throws {OpsError} `precondition` when there is a volume of this name. */
export async function proveAbsent(ops: Ops, volumeName: string): Promise<NothingToLose> {
  if ((await findVolume(ops, volumeName)) !== undefined) throw appeared(volumeName);
  const absent = { name: volumeName, createdAt: '', holder: '' };
  return new NothingProof(ops, absent, FRESH_MS, async () => undefined);
}

async function seal<M extends Manifest>(
  ops: Ops,
  { dir, manifest }: Stored<M>,
  finalDir: string,
  proof: Pick<Manifest['verification'], 'level' | 'milliseconds'>,
): Promise<Stored<M>> {
  const verification = { ...proof, at: new Date(ops.clock.now()).toISOString() };
  const proved = await writeManifest(dir, { ...manifest, verification });
  renameDurably(dir, finalDir);
  return { dir: finalDir, manifest: proved };
}

// Why a volume may not go: `precondition` all of them.

const stale = (volume: string, minutes: number) =>
  unmet(
    {
      en: `The backup of volume ${volume} is too old to delete anything on the strength of it (limit: ${minutes} minutes).`,
      zh: `数据卷 ${volume} 的备份已过期 (上限 ${minutes} 分钟), 不能据此删除数据.`,
    },
    { en: 'Run the script again: it takes a new one.', zh: '重新运行脚本, 会生成新的备份.' },
  );

const appeared = (volume: string) =>
  unmet({
    en: `Volume ${volume} exists, and nobody has looked into it.`,
    zh: `数据卷 ${volume} 存在, 其内容未经检查.`,
  });

const replaced = (dir: string) =>
  unmet({ en: `The backup in ${dir} is not the one that was verified.`, zh: `${dir} 中的备份已不是验证过的那一份.` });

const notEmpty = (volume: string, found: readonly Text[]) => {
  const { en, zh } = joined(found.slice(0, 10));
  return unmet(
    { en: `Volume ${volume} is not empty: ${en}.`, zh: `数据卷 ${volume} 不为空: ${zh}.` },
    { en: 'Take a backup of it.', zh: '请先备份.' },
  );
};

const leavesOut = (volume: string, databases: readonly string[]) =>
  unmet(
    {
      en: `Volume ${volume} also holds databases that this backup does not: ${printable(databases.join(', '))}.`,
      zh: `数据卷 ${volume} 中还有该备份未包含的数据库: ${printable(databases.join(', '))}.`,
    },
    {
      en: 'Back them up or drop them; or take a cold archive of the whole volume instead.',
      zh: '请先备份或删除这些数据库; 也可以改为对整个数据卷做冷归档.',
    },
  );
