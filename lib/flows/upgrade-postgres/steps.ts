import { type Ops, runName } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import type { Recovery, Step } from '../../core/step.ts';
import { humanBytes, same, type Text } from '../../core/text.ts';
import { backupPg } from '../../domain/backup/backup.ts';
import { newestAt } from '../../domain/backup/manifest.ts';
import { contentsText } from '../../domain/backup/messages.ts';
import type { VerifiedBackup } from '../../domain/backup/proofs.ts';
import { compareContents, examine } from '../../domain/backup/verify.ts';
import { restoreDatabase } from '../../domain/data/restore.ts';
import { previousReference } from '../../domain/images/previous.ts';
import { noteUpgrade, type PostgresUpgrade, recordUpgrade } from '../../domain/ledger/postgres-upgrades.ts';
import { PROVES } from '../../domain/ledger/proofs.ts';
import {
  createBeside,
  describeFormer,
  discardNext,
  givenBackByHand,
  type Replacement,
} from '../../domain/replacement/replace.ts';
import { tag } from '../../tools/docker/docker.ts';
import { identify } from '../../tools/postgres/identity.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import type { Facts } from './facts.ts';
import { nextTransaction, requireAlone } from './others.ts';
import { disarmRoles } from './roles.ts';
import { closeServer, discardServer, startServer } from './server.ts';
import {
  type Coming,
  proveAsBefore,
  proveStep,
  type Surroundings,
  startStep,
  stopStep,
  surroundings,
  swapStep,
} from './switch.ts';

/** What waits beside the server that serves. */
export interface Prepared {
  readonly replacement: Replacement;
  /** On the new volume. */
  readonly server: Database;
}

/** One upgrade: its steps in their order, and what speaks for it when one of them fails. Nothing happens yet. */
export function begin(ops: Ops, facts: Facts, room: { readonly volume: string }) {
  const { stack, database, identity, app, to } = facts;
  const around = surroundings(stack, app, facts.hold, facts.served);
  let made: Replacement | undefined;

  const prepare: Step<Prepared> = {
    id: 'prepare',
    title: {
      en: 'Make the new container and volume, and a cluster in it, beside what serves',
      zh: '在运行中的服务旁创建新容器与新卷, 并初始化集群',
    },
    risk: 'none',
    commands: [
      `docker tag <image of ${database.container.name}> ${previousReference(to.reference, ops.paths.run)}`,
      `docker compose up --no-start ${stack.services.postgres.key}-template`,
      {
        en: `docker run --network none -v ${room.volume}:… ${to.reference}  # initdb with checksums; settings as before`,
        zh: `docker run --network none -v ${room.volume}:… ${to.reference}  # initdb 启用校验和; 参数保持一致`,
      },
    ],
    async run(o) {
      const { container } = database;
      const former = await describeFormer(o, 'postgres', container);
      // What it goes back to has a name that no pull takes away.
      await run(o, tag(former.definition.Config.Image, previousReference(to.reference, o.paths.run)));
      made = await createBeside(o, stack, 'postgres', { former });
      const server = await startServer(o, facts, 'upgrade');
      await disarmRoles(o, database, server);
      return { replacement: made, server };
    },
    async undo(o) {
      await discardServer(o, facts, 'upgrade');
      if (made) await discardNext(o, made);
    },
  };

  const transfer: Step<VerifiedBackup, [Prepared]> = {
    id: 'transfer',
    title: {
      en: 'Take the final dump and restore it into the new server; every table and sequence compared',
      zh: '执行最后一次导出, 同时恢复到新的 PostgreSQL, 并逐表逐序列比对',
    },
    risk: facts.hold.kind === 'holds' ? 'changes' : 'interrupts',
    commands: [
      'pg_dump -Fc; pg_dumpall --globals-only',
      { en: 'pg_restore into the new server; compare; ANALYZE', zh: 'pg_restore 到新的 PostgreSQL; 比对; ANALYZE' },
    ],
    async run(o, { server }) {
      await requireAlone(o, database, undefined);
      const before = await nextTransaction(o, database);
      const backup = await backupPg(o, database, {
        reason: 'upgrade',
        whenRead: async (inner, read) => void (await restoreDatabase(inner, server, read, { roles: 'moved' })),
      });
      await requireUnchanged(o, database, before, backup);
      return backup;
    },
    evidence: transferred,
  };

  let entry: PostgresUpgrade | undefined;
  const swapped = swapStep(
    around,
    database.container,
    async (o, { server, replacement }: Prepared, backup: VerifiedBackup): Promise<Coming> => {
      const { systemIdentifier } = await identify(o, server);
      await closeServer(o, server);
      await discardServer(o, facts, 'upgrade');
      if (replacement.former === undefined) throw new Error('nothing was described');
      entry = {
        version: 1,
        at: new Date(Math.max(o.clock.now(), newestAt(o.paths.backups))).toISOString(), // its backup is from before
        run: runName(o),
        inUse: 'to',
        from: { major: identity.major, volume: database.volume.name, systemIdentifier: identity.systemIdentifier },
        to: { major: to.major, volume: room.volume, systemIdentifier },
        image: previousReference(to.reference, o.paths.run),
        backup: backup.dir,
      };
      await recordUpgrade(o.paths, entry, replacement.former.definition);
      o.journal.write({ event: 'way-back', script: 'upgrade-postgres', args: ['--back'] });
      return { replacement, major: to.major, systemIdentifier };
    },
  );
  const swap: typeof swapped = {
    ...swapped,
    async undo(o, ...given) {
      await swapped.undo?.(o, ...given);
      if (entry) await noteUpgrade(o.paths, { ...entry, inUse: 'from' });
    },
  };

  const steps = { prepare, stop: stopStep(around), transfer, swap, start: startStep(around), prove: proveStep(around) };
  const recovery: Recovery = {
    prove: (o) => proveAsBefore(o, around, identity),
    advice: () => adviceFor(ops, around),
    proves: PROVES['upgrade-postgres'],
  };
  return { steps, recovery, around };
}

/**
 * What was dumped is what is there still. A transaction of autovacuum counts as well: then everything is compared.
 *
 * @throws {OpsError} `failed`
 */
async function requireUnchanged(
  ops: Ops,
  database: Database,
  before: string,
  { manifest }: VerifiedBackup,
): Promise<void> {
  if ((await nextTransaction(ops, database)) === before) return;
  const { contents } = await examine(ops, database, database.name, manifest);
  const [first] = compareContents(manifest.contents, contents);
  if (first === undefined) return;
  throw failed(
    {
      en: `Somebody wrote to the database during the final dump: ${first.en}`,
      zh: `最后一次导出期间有人写入了数据库: ${first.zh}`,
    },
    { en: 'Who is connected: npx tsx scripts/doctor.ts', zh: '查看有哪些连接: npx tsx scripts/doctor.ts' },
  );
}

const transferred = ({ manifest }: VerifiedBackup): Text => {
  const [size, sequences] = [humanBytes(manifest.databaseBytes), manifest.contents.sequences.length];
  const { en, zh } = contentsText(manifest);
  return {
    en: `${size}; ${en}, ${sequences} sequences, all as they were`,
    zh: `${size}; ${zh}, ${sequences} 个序列, 与原库完全一致`,
  };
};

/** Exact commands for a person, when bringing back failed. */
export function adviceFor(ops: Ops, { app, progress: { former, next } }: Surroundings): Text[] {
  return [
    { en: `In ${ops.target.dir}, by hand:`, zh: `请在 ${ops.target.dir} 中手工执行:` },
    ...(former ? givenBackByHand(former, next, false).map(same) : []),
    ...(app ? [same(`docker start ${app.id.slice(0, 12)}`)] : []),
  ];
}
