import { asTyped } from '../../core/run.ts';

/** The database that a restore put aside takes its place again. */
export const backCommand = (database: string): string =>
  `npx tsx scripts/restore-prod.ts --back ${asTyped([database])}`;

/** A database that a restore left is dropped, after a consent. */
export const dropCommand = (database: string): string =>
  `npx tsx scripts/restore-prod.ts --drop ${asTyped([database])}`;
