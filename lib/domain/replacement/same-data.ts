import { type DataIdentity, requireSameCluster, requireSameData, type Since } from '../../tools/postgres/identity.ts';
import type { Facts } from '../stack/deployment.ts';

/** @throws {OpsError} when it is not what the survey saw, as far as it could. */
export function requireDataOfSurvey({ database }: Pick<Facts, 'database'>, now: DataIdentity, since: Since): void {
  if (database.kind === 'running') requireSameData(database.identity, now, since);
  if (database.kind !== 'stopped') return;
  const [found, ...others] = (database.found ?? []).filter((f) => f.of === 'postgres');
  if (found && others.length === 0) requireSameCluster(found.systemIdentifier, now);
}
