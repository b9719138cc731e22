import type { Container } from '../../tools/docker/containers.ts';
import { type DataIdentity, requireSameCluster, requireSameData, type Since } from '../../tools/postgres/identity.ts';
import type { Facts } from '../stack/deployment.ts';
import type { Stack } from '../stack/stack.ts';

/** The server's own address in a compose network: what it sees of others comes from there, never from loopback. */
export function ownAddress(facts: Pick<Facts, 'stack'>, container: Container): string {
  const address =
    facts.stack.networks.map((n) => container.addresses[n]).find(Boolean) ?? Object.values(container.addresses)[0];
  if (!address) throw new Error(`${container.name} has no address in any network`);
  return address;
}

/** @throws {OpsError} when it is not what the survey saw, as far as it could. */
export function requireDataOfSurvey({ database }: Pick<Facts, 'database'>, now: DataIdentity, since: Since): void {
  if (database.kind === 'running') requireSameData(database.identity, now, since);
  if (database.kind !== 'stopped') return;
  const [found, ...others] = (database.found ?? []).filter((f) => f.of === 'postgres');
  if (found && others.length === 0) requireSameCluster(found.systemIdentifier, now);
}

/** The password that compose gives to PostgreSQL. */
export const databasePassword = ({ services }: Stack): string => services.postgres.environment.POSTGRES_PASSWORD ?? '';

/**
 * The password in `--requirepass`; Redis' container has it only in its command line, the application's in its environment, unless it
 * comes from a file.
 */
export const redisPassword = ({ services }: Stack): string =>
  services.app.environment.REDIS_PASSWORD ?? services.redis.environment.REDIS_PASSWORD ?? '';
