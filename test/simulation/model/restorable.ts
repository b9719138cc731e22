import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { databaseOf } from '../../../lib/domain/stack/stack.ts';
import { backupPg, findContainers, findVolumes, type Ops, resolveStack, type Script } from '../../../lib/index.ts';
import { restoreProd } from '../../../scripts/restore-prod.ts';
import type { Database } from './cluster.ts';
import { Deployment, deployment, production } from './deployment.ts';

export const RESTORE = restoreProd;
export const NAME = 'whalefall_prod';
export const YES = ['--confirm', `RESTORE ${NAME}`];

/** A backup, as its files and as the database that is in it. */
interface Backup {
  readonly id: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly content: Database;
}

let taken: Promise<Backup> | undefined;

/** Production with a backup that was restored and compared, and a note that was written since. */
export async function restorable(made = deployment()): Promise<Deployment> {
  taken ??= takeBackup();
  const { id, files } = await taken;
  await production(made);
  write(made, id, files);
  made.machine.onDump = () => undefined;
  made.database?.tables.notes?.push('written since the backup');
  return made;
}

/** What the backup holds. */
export const backedUp = async (): Promise<Backup> => {
  taken ??= takeBackup();
  return taken;
};

export function write(d: Deployment, id: string, files: ReadonlyMap<string, Buffer>): void {
  const dir = path.join(d.state, 'backups', id);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const [name, data] of files) writeFileSync(path.join(dir, name), data, { mode: 0o600 });
}

/** Once for all: a backup does not know which deployment it lies in. */
async function takeBackup(): Promise<Backup> {
  const d = new Deployment();
  try {
    await production(d);
    const { exitCode, text } = await d.run([], { script: BACKUP });
    if (exitCode !== 0) throw new Error(text);
    const [id = ''] = readdirSync(path.join(d.state, 'backups'));
    const dir = path.join(d.state, 'backups', id);
    const files = new Map(readdirSync(dir).map((name) => [name, readFileSync(path.join(dir, name))]));
    const dump = files.get('database.dump')?.toString('utf8') ?? '';
    return { id, files, content: JSON.parse(dump.slice('PGDMP'.length, -'\nEND'.length)) as Database };
  } finally {
    d.remove();
  }
}

const BACKUP: Script = {
  name: 'take-backup',
  about: { en: 'Back up', zh: '备份' },
  flags: {},
  async run(ops: Ops) {
    const stack = await resolveStack(ops);
    const [{ postgres }, volumes] = await Promise.all([findContainers(ops, stack), findVolumes(ops, stack)]);
    if (!postgres) throw new Error('there is no database');
    await backupPg(ops, databaseOf(stack, postgres, volumes), { reason: 'test', commit: undefined });
    return { en: 'taken', zh: 'taken' };
  },
};
