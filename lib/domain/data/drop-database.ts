import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { printable } from '../../core/text.ts';
import { execute, identifier, type PgServer } from '../../tools/postgres/psql.ts';
import { type DatabaseManifest, readManifest, type Stored } from '../backup/manifest.ts';
import { checkFiles } from '../backup/verify.ts';
import { type Consent, isConsent } from './consent.ts';
import type { LeftDatabase } from './left-databases.ts';

class SupersededProof {
  readonly #database: string;
  readonly #newer: Stored<DatabaseManifest> | undefined;

  constructor(database: string, newer: Stored<DatabaseManifest> | undefined) {
    this.#database = database;
    this.#newer = newer;
  }

  /** @throws {OpsError} `precondition` when it is a proof for another database, or its backup is not what it was. */
  async check(database: string): Promise<void> {
    if (database !== this.#database) throw notProved();
    if (this.#newer === undefined) return;
    const now = readManifest(this.#newer.dir);
    if (JSON.stringify(now) !== JSON.stringify(this.#newer.manifest)) throw notProved();
    await checkFiles(this.#newer);
  }

  static is(value: unknown): value is SupersededProof {
    return typeof value === 'object' && value !== null && #database in value;
  }
}

/** Nobody falls back on a database that a restore left. Made by {@link proveSuperseded} and by nothing else. */
export type Superseded = SupersededProof;

/** Run-time counterpart of the type, for callers that come from plain JavaScript. */
export const isSuperseded = SupersededProof.is;

/**
 * A database, or a whole cluster's volume, that was put aside may go once what came after it is in a backup that was restored and compared. One that a killed restore
 * left holds nothing that is not in its backup.
 *
 * @param backups of the database in use, newest first.
 * @throws {OpsError} `precondition`, with how to get such a backup.
 */
export function proveSuperseded(
  left: Pick<LeftDatabase, 'name' | 'kind' | 'since'>,
  backups: readonly Stored<DatabaseManifest>[],
): Superseded {
  if (left.kind === 'restoring') return new SupersededProof(left.name, undefined);
  // A whole second: the name has no parts of one.
  const since = Date.parse(left.since) + 1_000;
  const newer = backups.find(
    ({ manifest }) => manifest.verification.level === 'restored' && Date.parse(manifest.createdAt) >= since,
  );
  if (newer) return new SupersededProof(left.name, newer);
  const name = printable(left.name);
  throw new OpsError({
    kind: 'precondition',
    what: {
      en: `${name} is not dropped: no backup that was restored and compared is newer than ${left.since}, when it was put aside.`,
      zh: `未删除 ${name}: 在其被替换 (${left.since}) 之后, 还没有经过恢复比对的备份.`,
    },
    state: { en: 'It is still there.', zh: '仍然保留, 没有改动.' },
    next: [
      { en: 'Take one: npx tsx scripts/backup-prod.ts create', zh: '请先备份: npx tsx scripts/backup-prod.ts create' },
    ],
  });
}

/**
 * Drops a database that a restore left. Without FORCE: one that somebody is connected to is not dropped.
 *
 * @param server asked from outside of it.
 * @throws {OpsError} `precondition` without a consent that names it and a proof for it; {@link CommandError}.
 */
export async function dropLeftDatabase(
  ops: Ops,
  server: PgServer,
  name: string,
  { consent, superseded }: { readonly consent: Consent; readonly superseded: Superseded },
): Promise<void> {
  if (!isConsent(consent) || !SupersededProof.is(superseded) || !consent.coversDatabase(name)) throw notProved();
  await superseded.check(name);
  await execute(ops, server, `DROP DATABASE ${identifier(name)};`, { deadlineMs: 300_000 });
}

const notProved = () =>
  new OpsError({
    kind: 'precondition',
    what: {
      en: 'A database is dropped only with a consent that names it, and a proof that what came after it is saved.',
      zh: '只有在获得指名确认, 并证明后续数据已备份之后, 才会删除数据库.',
    },
    state: { en: 'Nothing was dropped.', zh: '未删除任何数据库.' },
  });
