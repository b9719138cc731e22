import { createHash } from 'node:crypto';
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { OpsError, type Problem } from '../../core/errors.ts';
import { printable, type Text } from '../../core/text.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { contentsSchema } from '../../tools/postgres/fingerprint.ts';
import { databaseSchema, serverSchema } from '../../tools/postgres/snapshot.ts';

export const MANIFEST = 'manifest.json';

// What becomes a word of a command line must not be taken for an option, nor lead elsewhere.
const image = z.string().regex(/^\w[\w.:/@-]*$/);
const plainName = z.string().regex(/^\w[\w.-]*$/);

const fileSchema = z.strictObject({
  /** Beside the manifest; a plain name. */
  name: plainName,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().min(0),
});

const verificationSchema = z.strictObject({
  /**
   * `checksum`: the files are those that were written. `readable`: the archive can be read to its end. `started`: a server
   * ran on a copy of the data. `restored`: it was restored and everything in it compared.
   */
  level: z.enum(['none', 'checksum', 'readable', 'started', 'restored']),
  /** RFC 3339, UTC. */
  at: z.iso.datetime(),
  milliseconds: z.int().min(0),
  /** What the last verification found, and at which level; `level` is none then. */
  failure: z
    .strictObject({ level: z.enum(['checksum', 'readable', 'started', 'restored']), what: z.string() })
    .optional(),
});

const common = {
  version: z.literal(1),
  /** Name of the backup's directory. */
  id: plainName,
  /** When the state that it holds was current: RFC 3339, UTC. */
  createdAt: z.iso.datetime(),
  /** Base name of the run's directory (`<time>-<script>`). */
  run: plainName,
  /** What for: `rebuild`, `update`, `manual`, … */
  reason: z.string(),
  /** Keeps it from being pruned. */
  tag: z.string().nullable(),
  /** The commit that ran when it was taken. */
  commit: z.string().nullable(),
  /** The server's image: what it is to be restored with. */
  imageId: image,
  /** Where the data lived. */
  volume: z.strictObject({ name: plainName, createdAt: z.string() }),
  verification: verificationSchema,
};

/** A logical backup: pg_dump's custom format and the cluster's globals. */
const databaseManifestSchema = z.strictObject({
  kind: z.literal('database'),
  ...common,
  server: serverSchema,
  /** Superuser by whom it was dumped (POSTGRES_USER). */
  user: z.string(),
  database: databaseSchema,
  databaseBytes: z.int(),
  tableBytes: z.int(),
  roles: z.array(z.string()).optional(),
  files: z.strictObject({
    dump: fileSchema,
    globals: fileSchema,
    /** The application's userdata as `docker cp` gives it: a tar whose single top directory is the last part of its path. */
    userdata: fileSchema.optional(),
  }),
  contents: contentsSchema,
  /** Other databases of the cluster that hold something; they are in no file here. */
  leavesOut: z.array(z.string()),
});

/** A cold copy of a volume's files. */
const volumeManifestSchema = z.strictObject({
  kind: z.literal('volume'),
  ...common,
  /** Where the volume was mounted; the archive's single top directory is its last part. */
  mountPoint: z.string().regex(/^(\/(?!\.\.?(\/|$))[^/\0]+)+$/),
  files: z.strictObject({ archive: fileSchema }),
  /** Files and directories in the archive. */
  entries: z.int(),
});

const manifestSchema = z.discriminatedUnion('kind', [databaseManifestSchema, volumeManifestSchema]);

export type DatabaseManifest = z.infer<typeof databaseManifestSchema>;
export type VolumeManifest = z.infer<typeof volumeManifestSchema>;
export type Manifest = DatabaseManifest | VolumeManifest;
export type BackupFile = z.infer<typeof fileSchema>;

/** The files beside a manifest. */
export const filesOf = ({ files }: Manifest): BackupFile[] =>
  Object.values(files).filter((f): f is BackupFile => f !== undefined);

/** A backup on disk. */
export interface Stored<M extends Manifest = Manifest> {
  /** Its directory, absolute. */
  readonly dir: string;
  readonly manifest: M;
}

/** The manifest's text: its JSON, and in a last line the sha256 of that, so that no byte of it can change unnoticed. */
function serialize(manifest: Manifest): string {
  const json = JSON.stringify(manifest, null, 2);
  return `${json.slice(0, -2)},\n  "sha256": "${createHash('sha256').update(json).digest('hex')}"\n}\n`;
}

/** Writes `manifest.json` into `dir`, atomically; gives the manifest as reading it would. */
export async function writeManifest<M extends Manifest>(dir: string, manifest: M): Promise<M> {
  const written = manifestSchema.parse(manifest) as M; // in the order of the schema, as it will be read
  await writeAtomically(path.join(dir, MANIFEST), serialize(written));
  return written;
}

/**
 * Reads a backup's manifest and checks that it is whole, unchanged, and of this directory. Looks at no other file.
 *
 * @throws {OpsError} `precondition`
 */
export function readManifest(dir: string): Manifest {
  let text: string;
  try {
    text = readFileSync(path.join(dir, MANIFEST), 'utf8');
  } catch (error) {
    throw unusable(dir, error, { en: 'it has no readable manifest', zh: '没有可读取的 manifest' });
  }
  try {
    const { sha256: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
    const manifest = manifestSchema.parse(rest);
    if (serialize(manifest) !== text) throw new Error('changed since it was written');
    if (manifest.id !== path.basename(dir).replace(/\.partial$/, '')) throw new Error(`it belongs to ${manifest.id}`);
    return manifest;
  } catch (error) {
    const why = printable(
      error instanceof z.ZodError ? z.prettifyError(error) : String((error as Error).message),
    ).slice(0, 400);
    throw unusable(dir, error, {
      en: `its manifest is damaged, or of another version of this tool (${why})`,
      zh: `manifest 已损坏或来自其他版本的工具 (${why})`,
    });
  }
}

/** @throws {OpsError} `precondition` as {@link readManifest}, and when it is a volume's archive. */
export function readDatabaseManifest(dir: string): DatabaseManifest {
  const manifest = readManifest(dir);
  if (manifest.kind === 'database') return manifest;
  const why = { en: 'it is a copy of a volume, not of a database', zh: '它是数据卷副本, 而不是数据库备份' };
  const command = `npx tsx scripts/backup-prod.ts create --from ${path.basename(dir)}`;
  const next = {
    en: `Make a backup of the database that is in it, then restore that: ${command}`,
    zh: `先把其中的数据库制作成备份, 再恢复该备份: ${command}`,
  };
  throw new OpsError({ ...problem(dir, why), next: [next] });
}

/** What lies in the backups' directory. */
export interface Shelf {
  /** Complete ones, newest first. */
  readonly stored: readonly Stored[];
  /** Those whose manifest can't be read, and why. */
  readonly damaged: readonly { readonly dir: string; readonly error: unknown }[];
  /** Directories that are being written, or that a killed run left half written or half removed. */
  readonly leftovers: readonly string[];
}

/** A backup under either name is none: not yet, or not any more. */
const LEFTOVER = /\.(partial|doomed)$/;
export const isLeftover = (dir: string): boolean => LEFTOVER.test(dir);

/** Looks at the manifests in `backups`, and at no other file. */
export function listBackups(backups: string): Shelf {
  const stored: Stored[] = [];
  const damaged: { dir: string; error: unknown }[] = [];
  const leftovers: string[] = [];
  for (const entry of entriesOf(backups)) {
    if (!entry.isDirectory()) continue;
    const dir = path.join(backups, entry.name);
    if (isLeftover(dir)) {
      leftovers.push(dir);
      continue;
    }
    try {
      stored.push({ dir, manifest: readManifest(dir) });
    } catch (error) {
      damaged.push({ dir, error });
    }
  }
  stored.sort((a, b) => b.manifest.createdAt.localeCompare(a.manifest.createdAt));
  return { stored, damaged, leftovers };
}

/** When the newest backup was current, milliseconds: later than now where the clock was put back since. */
export const newestAt = (backups: string): number =>
  Date.parse(listBackups(backups).stored[0]?.manifest.createdAt ?? '1970-01-01');

function entriesOf(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // no run has been here yet
    throw error;
  }
}

const unusable = (dir: string, cause: unknown, why: Text): DamagedBackup => new DamagedBackup(problem(dir, why, cause));

function problem(dir: string, why: Text, cause?: unknown): Problem {
  return {
    kind: 'precondition',
    what: { en: `The backup ${dir} can't be used: ${why.en}.`, zh: `备份 ${dir} 不可用: ${why.zh}.` },
    next: [{ en: 'Choose another backup.', zh: '请选择其他备份.' }],
    cause,
  };
}

/** The backup itself is what is wrong; anything else that can go wrong while it is tried says nothing about it. */
export class DamagedBackup extends OpsError {}

export function damaged(dir: string, why: Text, cause?: unknown): DamagedBackup {
  return new DamagedBackup({
    kind: 'precondition',
    what: { en: `The backup ${dir} is unusable: ${why.en}.`, zh: `备份 ${dir} 无效: ${why.zh}.` },
    state: { en: 'The database itself was only read.', zh: '对数据库本身只进行了读取.' },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A lack of this machine, as PostgreSQL's programs name it. */
export const OUR_OWN =
  /no space left|quota exceeded|out of memory|cannot allocate memory|could not resize shared memory|terminated by signal 9|the server closed the connection/i;
