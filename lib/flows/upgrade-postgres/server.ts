import { type Ops, runName } from '../../core/ops.ts';
import { ask, change, run } from '../../core/run.ts';
import { loginOf, serverWords } from '../../domain/stack/stack.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import { stop } from '../../tools/docker/docker.ts';
import { discardContainer, ownerLabels } from '../../tools/docker/helpers.ts';
import { bringHba } from '../../tools/pg-hba/bring.ts';
import { capabilitiesOf, lacking, tell, toldOtherwise, unknownTo } from '../../tools/postgres/capabilities.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';
import type { Facts } from './facts.ts';
import { notThere } from './refusals.ts';

const READY_MS = 120_000;
/** What it has in memory is written out: the next server begins with a clean cluster. */
const GRACE_SECONDS = 120;

/** For what a server of the new version is started beside the one that serves. */
export type Purpose = 'trial' | 'upgrade';

const nameOf = (ops: Ops, { stack }: Facts, purpose: Purpose): string =>
  `${stack.project}-postgres-${purpose}-${runName(ops).slice(0, 16)}`;

/**
 * Starts a server of the new version as the service would start it, without network. It is told what
 * the present one has been told in its own files, and started with that; its pg_hba.conf is the present one's. For a trial its data goes with it; else it is in the new volume,
 * where a cluster that is there already goes on being used.
 *
 * @throws {OpsError} `precondition` with what the new version does not have, or reads otherwise.
 */
export async function startServer(ops: Ops, facts: Facts, purpose: Purpose): Promise<Database> {
  const { stack, to, room } = facts;
  const { environment } = stack.services.postgres;
  const volume = purpose === 'upgrade' && 'volume' in room ? room : undefined;
  // While the compose file is about the present version, so is its PGDATA.
  const { PGDATA, ...rest } = environment;
  const env = {
    ...rest,
    ...(PGDATA !== undefined && 'volume' in room && { PGDATA }),
    POSTGRES_INITDB_ARGS: withChecksums(environment.POSTGRES_INITDB_ARGS ?? ''),
  };
  const volumes = volume ? [`${volume.volume}:${volume.mountPoint}`] : [];
  const name = nameOf(ops, facts, purpose);
  const words = [
    ...['docker', 'run', '-d', '--pull', 'never', '--name', name, '--network', 'none', ...ownerLabels(ops)],
    ...serverWords(stack.services.postgres, { env, image: to.id, volumes }),
  ];
  const id = await ask(ops, change(words, { env, deadlineMs: 120_000 }));
  const container = await inspectContainer(ops, id);
  const server = { container, ...loginOf(stack), volume: { name: volume?.volume ?? '', createdAt: '' } };
  await waitForPostgres(ops, server, READY_MS);
  const can = await capabilitiesOf(ops, server);
  const [extensions, settings] = [lacking(can, facts.capabilities), unknownTo(can, facts.capabilities)];
  if (extensions.length + settings.length > 0) throw notThere(to, extensions, settings);
  const told = toldOtherwise(facts.capabilities, can);
  if (told.length > 0) {
    await tell(ops, server, told);
    await waitForPostgres(ops, server, READY_MS);
  }
  await bringHba(ops, facts.database, server);
  return server;
}

/** From PostgreSQL 18 on initdb does so by itself. */
const withChecksums = (args: string): string =>
  /(^|\s)(-k|--data-checksums|--no-data-checksums)(\s|$)/.test(args) ? args : `${args} --data-checksums`.trim();

/** Its cluster is complete and closed. */
export const closeServer = (ops: Ops, { container }: Database): Promise<unknown> =>
  run(ops, stop(container.id, Math.max(GRACE_SECONDS, container.stopSeconds)));

/** Removes it, by name, so that one whose start was interrupted goes too. The new volume stays. */
export const discardServer = (ops: Ops, facts: Facts, purpose: Purpose): Promise<boolean> =>
  discardContainer(ops, nameOf(ops, facts, purpose));
