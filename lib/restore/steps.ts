import { endpointsOf } from '../app/endpoints.ts';
import { describeHealth, waitForHealth } from '../app/health.ts';
import { OpsError } from '../errors.ts';
import { change } from '../host/command.ts';
import type { Ops } from '../host/ops.ts';
import { run } from '../host/run.ts';
import { type Beside, dropDatabase, existingBeside, isThere, restoreBeside, swapIn } from '../postgres/restore.ts';
import { inspectSchema } from '../postgres/revision.ts';
import { swapDatabases } from '../postgres/swap.ts';
import { inspectContainer } from '../target/containers.ts';
import type { Text } from '../text.ts';
import type { Facts } from './facts.ts';

/** How far a restore has come. */
export interface Progress {
  beside?: Beside;
}

/** Restores the backup beside what is in use; takes as long as it takes. */
export async function prepare(ops: Ops, { incoming, database }: Facts, progress: Progress): Promise<void> {
  progress.beside =
    incoming.kind === 'backup'
      ? await restoreBeside(ops, database, incoming.stored)
      : await existingBeside(ops, database, incoming.database);
}

/** Drops what was restored, unless it was there before, or is in use. */
export async function discard(ops: Ops, { incoming }: Facts, { beside }: Progress): Promise<void> {
  if (incoming.kind === 'backup' && beside) await dropDatabase(ops, beside.server, beside.incoming);
}

/** Freezes the application's processes: nothing is written to a database that is about to be put aside, and requests wait. */
export const pause = async (ops: Ops, { app }: Facts): Promise<void> => {
  if (app) await run(ops, change(['docker', 'pause', app.id]));
};

/** Lets them go on; changes nothing when they do already. */
export async function resume(ops: Ops, { app }: Facts): Promise<void> {
  if (app && (await inspectContainer(ops, app.id)).state === 'paused')
    await run(ops, change(['docker', 'unpause', app.id]));
}

/** @returns what the former database is called now. */
export async function swap(ops: Ops, { beside }: Progress): Promise<string> {
  if (beside === undefined) throw new Error('nothing was prepared');
  return (await swapIn(ops, beside)).before ?? '-';
}

/** Gives the names back, if they were swapped. */
export async function swapAgain(ops: Ops, { beside }: Progress): Promise<void> {
  if (beside === undefined || (await isThere(ops, beside.server, beside.incoming))) return;
  const { server, name, incoming, before } = beside;
  await swapDatabases(ops, server, { incoming: before, name, before: incoming });
}

/** @throws {OpsError} when the application is not healthy on it, or it is not at the backup's revision. */
export async function prove(ops: Ops, facts: Facts): Promise<Text> {
  const { incoming, database } = facts;
  const schema = await inspectSchema(ops, database);
  const revision = schema.kind === 'versioned' ? schema.revision : null;
  if (incoming.kind === 'backup' && incoming.stored.manifest.contents.alembic !== revision) {
    throw new OpsError({
      kind: 'failed',
      what: { en: `The database is at revision ${revision}`, zh: `数据库处于 revision ${revision}` },
    });
  }
  const health = await healthNow(ops, facts);
  return {
    en: `revision ${revision ?? '-'}; ${health.en}`,
    zh: `revision ${revision ?? '-'}; ${health.zh}`,
  };
}

/** After undoing: what was there serves again, if it did. */
export async function proveAsBefore(ops: Ops, facts: Facts): Promise<Text> {
  const health = facts.serving ? await healthNow(ops, facts) : NOT_SERVING;
  return {
    en: `Database ${facts.database.name} is the one from before. ${health.en}`,
    zh: `数据库 ${facts.database.name} 仍是原来的库. ${health.zh}`,
  };
}

async function healthNow(ops: Ops, { app }: Facts): Promise<Text> {
  if (app === undefined) return NOT_SERVING;
  const now = await inspectContainer(ops, app.id);
  if (now.state !== 'running') return NOT_SERVING;
  const deadlineMs = ops.target.bootSeconds * 1000;
  return describeHealth(await waitForHealth(ops, endpointsOf(ops.target, now), now, { deadlineMs }));
}

const NOT_SERVING: Text = { en: 'The application does not run.', zh: '应用未在运行.' };

/** Exact commands for a person. */
export function advice(ops: Ops, { app, database, stack }: Facts, { beside }: Progress): Text[] {
  const same = (command: string): Text => ({ en: command, zh: command });
  const psql = `docker exec -it ${database.container.id.slice(0, 12)} psql -U ${database.user} -d postgres`;
  return [
    { en: `In ${ops.target.dir}: which databases there are`, zh: `请在 ${ops.target.dir} 中查看现有数据库:` },
    same(`${psql} -l`),
    ...(beside
      ? [
          {
            en: `The former database is ${beside.name}, or ${beside.before} if that exists; the restored one is the other.`,
            zh: `若存在 ${beside.before}, 则它是原数据库, 否则原数据库仍为 ${beside.name}.`,
          },
        ]
      : []),
    ...(app ? [same(`docker unpause ${app.id.slice(0, 12)}`)] : []),
    same(`docker compose -f ${ops.target.composeFile} logs --tail 100 ${stack.services.postgres.key}`),
  ];
}
