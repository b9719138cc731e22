import type { Check } from '../check.ts';
import { databaseChecks } from './database.ts';
import { engineChecks } from './engine.ts';
import { hostChecks } from './host.ts';
import { nginxChecks } from './nginx.ts';
import { ourChecks } from './ours.ts';
import { redisChecks } from './redis.ts';
import { releaseChecks } from './release.ts';
import { servingChecks } from './serving.ts';

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
