import type { Check } from './check.ts';
import { databaseChecks } from './database-checks.ts';
import { engineChecks } from './engine-checks.ts';
import { hostChecks } from './host-checks.ts';
import { nginxChecks } from './nginx-checks.ts';
import { ourChecks } from './ours-checks.ts';
import { redisChecks } from './redis-checks.ts';
import { releaseChecks } from './release-checks.ts';
import { servingChecks } from './serving-checks.ts';

/** Without it the engine itself goes down. */
const isRoom = ({ id }: Check): boolean => id === 'host.disk' || id === 'host.inodes';

/** All of them. Of several that fail and don't explain one another, the first is shown first: what others stand on comes before them. */
export const CHECKS: readonly Check[] = [
  ...hostChecks.filter(isRoom),
  ...engineChecks,
  ...databaseChecks,
  ...redisChecks,
  ...servingChecks,
  ...nginxChecks,
  ...releaseChecks,
  ...hostChecks.filter((c) => !isRoom(c)),
  ...ourChecks,
];
