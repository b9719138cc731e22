import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import type { Step } from '../../core/step.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { describeHealth } from '../../domain/app/health.ts';
import { readRevisions } from '../../domain/app/revisions.ts';
import { databaseSizes } from '../../domain/data/left-databases.ts';
import { type DowntimeWatch, outageText } from '../../domain/hold/downtime.ts';
import { waitUntilHealthy } from '../../domain/replacement/served.ts';
import type { Facts } from '../../domain/restoration/facts.ts';
import { keptText } from '../../domain/restoration/steps.ts';
import { serves } from '../../domain/restoration/survey.ts';
import { inspectSchema } from '../../domain/schema/revision.ts';
import { inspectContainer } from '../../tools/docker/containers.ts';
import { identify, requireSameData } from '../../tools/postgres/identity.ts';

/** What was seen after the swap. */
export interface Proven {
  readonly revision: string | null;
  /** The newest revision of the code that runs, and whether it knows this one; undefined when that can't be asked. */
  readonly code: { readonly head: string; readonly known: boolean } | undefined;
  readonly healthy: boolean;
  /** The health checks in a line, or why there are none. */
  readonly health: Text;
}

export const proveStep = (facts: Facts): Step<Proven> => ({
  id: 'prove',
  title: { en: 'Prove it', zh: '逐项验证' },
  risk: 'none',
  commands: [{ en: 'alembic revision of the backup; both health checks', zh: '备份对应的 alembic 版本; 两项健康检查' }],
  run: (ops) => prove(ops, facts),
  evidence: ({ revision, health }) => ({
    en: `revision ${printable(revision ?? '-')}; ${health.en}`,
    zh: `结构版本 ${printable(revision ?? '-')}; ${health.zh}`,
  }),
});

/**
 * The database in use is the one that was restored, and the application is healthy on it. One that was not healthy before either is no
 * reason to bring back the database that it was unhealthy with: that is told and not thrown.
 *
 * @throws {OpsError} otherwise.
 */
async function prove(ops: Ops, facts: Facts): Promise<Proven> {
  const { incoming, database } = facts;
  const [schema, identity] = await Promise.all([inspectSchema(ops, database), identify(ops, database)]);
  // Another database of that name, and the same cluster with all others.
  const renamed = [database.name, ...(incoming.kind === 'kept' ? [incoming.database] : [])];
  requireSameData(facts.identity, identity, { untouched: false, renamed });
  const revision = schema.kind === 'versioned' ? schema.revision : null;
  if (incoming.kind === 'backup' && incoming.stored.manifest.contents.alembic !== revision)
    throw otherRevision(revision);
  const code = await codeOf(ops, facts, revision);
  try {
    return { revision, code, ...(await healthNow(ops, facts)) };
  } catch (error) {
    if (serves(facts) || ops.signal.aborted || !(error instanceof OpsError)) throw error;
    return { revision, code, healthy: false, health: error.what };
  }
}

/** Health tells nothing of it: the deep check asks for the connection alone. */
async function codeOf(ops: Ops, { app }: Facts, revision: string | null): Promise<Proven['code']> {
  if (app?.state !== 'running') return undefined;
  try {
    return await readRevisions(ops, app.id, ops.target.app.root, revision ?? undefined);
  } catch (error) {
    if (ops.signal.aborted || !(error instanceof OpsError)) throw error;
    return undefined;
  }
}

/** After undoing: what was there serves again, if it did. */
export async function proveAsBefore(ops: Ops, facts: Facts, downtime: DowntimeWatch): Promise<Text> {
  const { before, database } = facts;
  // By what it is: a name says nothing after a swap.
  const sizes = await databaseSizes(ops, database);
  const now = sizes.find((d) => d.name === database.name);
  if (now?.oid !== before?.oid) throw notBack(database.name);
  const health = serves(facts) ? (await healthNow(ops, facts)).health : NOT_SERVED;
  const noticed = outageText(await downtime.stop());
  const name = printable(database.name);
  const is: Text = before
    ? { en: `Database ${name} is the one from before.`, zh: `数据库 ${name} 仍是原来的库.` }
    : { en: `There is no database ${name}, as before.`, zh: `与之前一样, 没有数据库 ${name}.` };
  const { en, zh } = keptText(facts, sizes) ?? same('');
  return {
    en: `${is.en} ${health.en} Noticed from outside: ${noticed.en}. ${en}`.trimEnd(),
    zh: `${is.zh} ${health.zh} 外部观测: ${noticed.zh}. ${zh}`.trimEnd(),
  };
}

async function healthNow(ops: Ops, { app }: Facts): Promise<Pick<Proven, 'health' | 'healthy'>> {
  if (app === undefined) return { healthy: false, health: NOT_RUNNING };
  const now = await inspectContainer(ops, app.id);
  // One that crashes over and over is started by the engine again.
  if (now.state !== 'running' && now.state !== 'restarting') return { healthy: false, health: NOT_RUNNING };
  const health = await waitUntilHealthy(ops, now, app.state === 'running' ? undefined : async () => undefined);
  return { healthy: true, health: describeHealth(health) };
}

const NOT_RUNNING: Text = { en: 'The application does not run.', zh: '应用未在运行.' };
const NOT_SERVED: Text = { en: 'The application was not healthy before either.', zh: '应用在此之前也不健康.' };

const notBack = (name: string) =>
  failed({
    en: `Database ${printable(name)} is not the one from before.`,
    zh: `数据库 ${printable(name)} 不是原来的库.`,
  });

const otherRevision = (revision: string | null) =>
  failed({
    en: `The database is at revision ${printable(revision ?? '-')}, which is not the backup's.`,
    zh: `数据库结构版本为 ${printable(revision ?? '-')}, 与备份不一致.`,
  });
