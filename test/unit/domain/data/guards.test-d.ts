import { expectTypeOf, it } from 'vitest';
import { sortOut } from '../../../../lib/domain/backup/retention.ts';
import { dropLeftDatabase, proveSuperseded } from '../../../../lib/domain/data/drop-database.ts';
import type { LeftDatabase } from '../../../../lib/domain/data/left-databases.ts';
import { removeBackups } from '../../../../lib/domain/data/remove-backups.ts';
import type { Consent, NothingToLose, Ops, VerifiedArchive, VerifiedBackup } from '../../../../lib/index.ts';
import { removeVolumes } from '../../../../lib/index.ts';

declare const ops: Ops;
declare const consent: Consent;
declare const backup: VerifiedBackup;
declare const archive: VerifiedArchive;
declare const nothing: NothingToLose;
declare const left: LeftDatabase;
const name = 'shop_postgres_data';

it('deletes volumes only with a consent and a proof for each', () => {
  expectTypeOf(removeVolumes(ops, [{ name, saved: backup }], [], consent)).resolves.toBeVoid();
  expectTypeOf(removeVolumes(ops, [{ name, saved: archive }], [], consent)).resolves.toBeVoid();
  expectTypeOf(removeVolumes(ops, [{ name, saved: nothing }], [], consent)).resolves.toBeVoid();

  // @ts-expect-error without a consent
  removeVolumes(ops, [{ name, saved: backup }], []);
  // @ts-expect-error without a proof
  removeVolumes(ops, [{ name }], [], consent);
  // @ts-expect-error a name is no proof
  removeVolumes(ops, [name], [], consent);
  // @ts-expect-error a path to a dump is no proof
  removeVolumes(ops, [{ name, saved: '/backups/today.dump' }], [], consent);
});

it('does not take anything that merely looks like a proof', () => {
  const lookalike = {
    kind: 'backup' as const,
    dir: '/x',
    covers: { name, createdAt: '' },
    check: async () => undefined,
  };
  // @ts-expect-error only the verification makes a backup proof
  removeVolumes(ops, [{ name, saved: lookalike }], [], consent);
  // @ts-expect-error only confirmDestructive makes a consent
  removeVolumes(ops, [{ name, saved: backup }], [], { check: async () => undefined });
  expectTypeOf({ check: async () => undefined }).not.toExtend<Consent>();
  // @ts-expect-error a backup is no consent
  removeVolumes(ops, [{ name, saved: backup }], [], backup);
});

it('drops a database only with a consent and a proof that something newer is saved', () => {
  const server = { container: { id: '' }, user: '', name: '' };
  // @ts-expect-error without a proof
  dropLeftDatabase(ops, server, 'shop_before', { consent });
  // @ts-expect-error a backup is no such proof
  dropLeftDatabase(ops, server, 'shop_before', { consent, superseded: backup });
  const superseded = proveSuperseded(left, []);
  // @ts-expect-error only confirmDestructive makes a consent
  dropLeftDatabase(ops, server, 'shop_before', { consent: { coversDatabase: () => true }, superseded });
});

it('removes backups only with a consent, and only those that the retention gave up', () => {
  const { goes, stays } = sortOut([], { keep: 1 }, new Set(), 0);
  expectTypeOf(removeBackups(ops, goes, consent)).toBeVoid();
  // @ts-expect-error without a consent
  removeBackups(ops, goes);
  // @ts-expect-error one that stays
  removeBackups(ops, stays, consent);
  // @ts-expect-error only sortOut gives a backup up
  removeBackups(ops, [{ stored: { dir: '/x' } }], consent);
});
