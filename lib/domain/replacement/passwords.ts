import type { Stack } from '../stack/stack.ts';

/** The password that compose gives to PostgreSQL. */
export const databasePassword = ({ services }: Stack): string => services.postgres.environment.POSTGRES_PASSWORD ?? '';

/**
 * The password in `--requirepass`; Redis' container has it only in its command line, the application's in its environment, unless it
 * comes from a file.
 */
export const redisPassword = ({ services }: Stack): string =>
  services.app.environment.REDIS_PASSWORD ?? services.redis.environment.REDIS_PASSWORD ?? '';
