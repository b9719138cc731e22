import type { Ops } from '../../core/ops.ts';

/** redis-cli in Redis' own container, where no variable tells it the port. */
export const redisCli = ({ target }: Pick<Ops, 'target'>, ...argv: readonly string[]): string[] => [
  ...['redis-cli', '-p', String(target.ports.redis)],
  ...argv,
];
