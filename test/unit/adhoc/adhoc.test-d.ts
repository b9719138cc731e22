import { expectTypeOf, it } from 'vitest';
import {
  backupPg,
  confirmDestructive,
  type DestructiveRequest,
  removeVolumes,
  restoreHba,
  type Secret,
  script,
  type VerifiedBackup,
} from '../../../lib/index.ts';

declare const module: { readonly filename: string };
declare const backup: VerifiedBackup;
declare const request: DestructiveRequest;
declare const secret: Secret;

it('gives a script that looks nothing that changes', () => {
  script(module, 'looks', async (d) => {
    // @ts-expect-error the guarded helpers take ops
    d.ops;
    // @ts-expect-error no steps
    d.steps;
    // @ts-expect-error no SQL that changes
    d.db.execute;
    // @ts-expect-error a handle is no ops
    backupPg(d, await d.db.database(), { reason: 'x' });
    // @ts-expect-error nor for the consent
    confirmDestructive(d, request);
  });
  script(module, 'looks', { changes: false, flags: {} }, async (d) => {
    // @ts-expect-error no steps
    d.steps;
  });
});

it('gives a script that changes the helpers inside of a step only', () => {
  script(module, 'changes', { changes: true }, async (d) => {
    // @ts-expect-error outside of a step there is no ops
    d.ops;
    // @ts-expect-error and no SQL that changes
    d.db.execute;
    await d.steps([
      {
        id: 'all',
        run: async ({ ops, db, consent }) => {
          await restoreHba(ops, await db.database(), db.remoteAccess());
          const saved = await backupPg(ops, await db.database(), { reason: 'manual' });
          expectTypeOf(saved).toEqualTypeOf<VerifiedBackup>();
          await removeVolumes(ops, [{ name: 'x', saved: backup }], [], consent());
          // @ts-expect-error a plain object is no consent
          await removeVolumes(ops, [{ name: 'x', saved: backup }], [], {});
          expectTypeOf(db.execute`SELECT 1`).resolves.toBeString();
        },
      },
    ]);
  });
});

it('takes no secret where others could see it', () => {
  script(module, 'looks', async ({ $, db, redis, say }) => {
    // @ts-expect-error arguments can be seen in ps
    $`echo ${secret}`;
    // @ts-expect-error the server logs statements
    db.query`SELECT ${secret}`;
    // @ts-expect-error arguments can be seen in ps
    redis.command('GET', secret);
    // @ts-expect-error it is no text
    say(secret);
    // @ts-expect-error what is no value
    db.query`SELECT ${undefined}`;
    // @ts-expect-error what is no word
    $`ls ${undefined}`;
  });
});

it('gives options their types', () => {
  const flags = {
    all: { type: 'boolean', help: '' },
    top: { type: 'count', default: 5, help: '' },
    few: { type: 'count', help: '' },
    of: { type: 'string', help: '' },
  } as const;
  script(module, 'looks', { flags }, async (d) => {
    expectTypeOf(d.flags).toEqualTypeOf<{
      readonly all: boolean;
      readonly top: number;
      readonly few: number | undefined;
      readonly of: string | undefined;
    }>();
    // @ts-expect-error what was not declared
    d.flags.other;
  });
});
