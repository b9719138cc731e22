import type { Facts } from './facts.ts';

/** The password that compose gives to PostgreSQL. */
export const databasePassword = (facts: Pick<Facts, 'stack'>): string =>
  facts.stack.services.postgres.environment.POSTGRES_PASSWORD ?? '';

/** The password in `--requirepass`; Redis' container has it only in its command line, the application's in its environment. */
export const redisPassword = (facts: Facts): string => facts.stack.services.app.environment.REDIS_PASSWORD ?? '';
