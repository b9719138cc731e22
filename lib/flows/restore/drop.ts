import type { Ops } from '../../core/ops.ts';
import type { Row } from '../../core/screen.ts';
import type { Step } from '../../core/step.ts';
import { printable, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { backupsOf } from '../../domain/backup/find.ts';
import { type Consent, confirmDestructive } from '../../domain/data/consent.ts';
import { dropLeftDatabase, proveSuperseded, type Superseded } from '../../domain/data/drop-database.ts';
import { databaseSizes, type LeftDatabase, leftBy } from '../../domain/data/left-databases.ts';
import { isThere } from '../../domain/data/restore.ts';
import { wasBegun } from '../../domain/ledger/unfinished-runs.ts';
import { rowsByTable } from '../../domain/restoration/losses.ts';
import { noSuchDatabase } from '../../domain/restoration/refusals.ts';
import { findDatabase } from '../../domain/restoration/survey.ts';
import { showSteps } from '../../runs/steps/show-steps.ts';
import { carryOut } from '../../runs/steps/steps.ts';
import type { PgServer } from '../../tools/postgres/psql.ts';
import { countRows } from '../../tools/postgres/row-counts.ts';
import { leftText } from './messages.ts';

/**
 * Drops one of the databases that restores left, never another: after a consent, and only once what came after it is saved.
 *
 * @throws {OpsError} `precondition` when there is no such one (one that a killed run has dropped is done), or no newer backup; `declined`.
 */
export async function dropLeft(
  ops: Ops,
  name: string,
  { planOnly, confirm }: { readonly planOnly: boolean; readonly confirm: string | undefined },
): Promise<Text> {
  const { database } = await findDatabase(ops);
  const server = { ...database, name: 'template1' };
  const all = leftBy(database.name, await databaseSizes(ops, database));
  const left = all.find((l) => l.name === name);
  if (left === undefined && !wasBegun(ops, 'restore-prod', `--drop=${name}`)) throw noSuchDatabase(name, all);
  const done = { en: `Dropped: ${printable(name)}`, zh: `已删除: ${printable(name)}` };
  const recovery = { prove: (o: Ops) => stillThere(o, server, name), advice: () => [], proves: [] } as const;
  if (left === undefined) {
    const isGone = { ...DROP, risk: 'none', commands: [], run: async () => done, evidence: () => done } as const;
    showSteps(ops.screen, [isGone]);
    return planOnly ? ONLY_PLANNED : carryOut(ops, [isGone], recovery, (step) => step(isGone));
  }
  const superseded = proveSuperseded(left, backupsOf(ops, database.name));
  const drop = dropStep(server, left, superseded);
  showSteps(ops.screen, [drop]);
  if (planOnly) return ONLY_PLANNED;

  const tables = await countRows(ops, { ...database, name });
  const request = {
    title: {
      en: `Database ${leftText(left).en}. It will be dropped permanently, with:`,
      zh: `数据库 ${leftText(left).zh}. 将被永久删除, 包括:`,
    },
    phrase: `DROP ${name}`,
    volumes: [],
    databases: [name],
    losses: tables ? rowsByTable(tables.filter((t) => t.rows > 0)) : [NOT_COUNTED],
  };
  const consent = await confirmDestructive(ops, request, confirm);
  await carryOut(ops, [drop], recovery, (step) => step(drop, consent));
  ops.screen.show({ event: 'ok', text: done });
  return done;
}

const NOT_COUNTED: Row = [
  { en: 'rows', zh: '行数' },
  { en: 'could not be counted', zh: '无法统计' },
];

const DROP = {
  id: 'drop',
  title: { en: 'Drop a database that a restore left', zh: '删除恢复操作保留的数据库' },
};

const dropStep = (server: PgServer, left: LeftDatabase, superseded: Superseded): Step<void, [Consent]> => ({
  ...DROP,
  risk: 'deletes',
  commands: [`DROP DATABASE ${printable(left.name)}`],
  loses: leftText(left),
  run: (ops, consent) => dropLeftDatabase(ops, server, left.name, { consent, superseded }),
});

async function stillThere(ops: Ops, server: PgServer, name: string): Promise<Text> {
  return (await isThere(ops, server, name))
    ? { en: `${printable(name)} is still there.`, zh: `${printable(name)} 仍然存在.` }
    : { en: `${printable(name)} is dropped.`, zh: `${printable(name)} 已删除.` };
}
