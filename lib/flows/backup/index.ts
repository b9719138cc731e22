/** What `scripts/backup-prod.ts` does, command by command. */

export { createBackup } from './create.ts';
export { exportBackup } from './export.ts';
export { backUpArchive } from './from-archive.ts';
export { listAll } from './list.ts';
export { prune } from './prune.ts';
export { LEVELS, verify } from './verify.ts';
