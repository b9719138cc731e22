import type { Check } from './check.ts';
import { databaseChecks } from './database-checks.ts';
import { engineChecks } from './engine-checks.ts';
import { hostChecks } from './host-checks.ts';
import { nginxChecks } from './nginx-checks.ts';
import { ourChecks } from './ours-checks.ts';
import { redisChecks } from './redis-checks.ts';
import { releaseChecks } from './release-checks.ts';
import { servingChecks } from './serving-checks.ts';

/** All of them. Of several that fail and don't explain one another, the first is shown first: what others stand on comes before them. */
export const CHECKS: readonly Check[] = [
  ...engineChecks,
  ...hostChecks.filter((c) => c.id === 'host.disk'),
  ...databaseChecks,
  ...redisChecks,
  ...servingChecks,
  ...nginxChecks,
  ...releaseChecks,
  ...hostChecks.filter((c) => c.id !== 'host.disk'),
  ...ourChecks,
];
