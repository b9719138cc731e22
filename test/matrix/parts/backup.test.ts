import { expect, it } from 'vitest';
import { underLoad } from '../../e2e/update/run.ts';
import { type Ended, runScript } from '../../support/run-script.ts';
import { HOLDS, note, notes, openedStack } from './part.ts';

const stack = openedStack();
const script = (name: string, ...args: string[]): Promise<Ended> =>
  runScript(name, ['--dir', stack().sandbox.deployDir, '--config', stack().config, ...args]);
const RESTORE = ['--confirm', 'RESTORE whalefall_prod'] as const;
/** Without a hold, those that are in the middle of a transaction. */
const FAIL_AT_MOST = HOLDS ? 0 : 4;
let backup = '';

it('backup, and verify', async () => {
  note(stack(), 'in the backup');
  // Since PostgreSQL 16 a membership belongs to who granted it, whom another server does not know.
  stack().sql(
    'DROP ROLE IF EXISTS readers, reports; CREATE ROLE readers; CREATE ROLE reports LOGIN; GRANT readers TO reports',
  );
  const created = await script('backup-prod', 'create');
  expect(created.exitCode, created.text).toBe(0);
  backup = /restore-prod\.ts (\S+)/.exec(created.text)?.[1] ?? '';
  const verified = await script('backup-prod', 'verify', backup);
  expect(verified.exitCode, verified.text).toBe(0);
});

it('restore, and back', async () => {
  const rows = notes(stack());
  note(stack(), 'written since');
  const restored = await underLoad(stack(), 'restore-prod', [backup, ...RESTORE]);
  expect(restored.exitCode, restored.text).toBe(0);
  expect(notes(stack())).toBe(rows);
  expect(restored.load.failed, JSON.stringify(restored.load.outcomes)).toBeLessThanOrEqual(FAIL_AT_MOST);
  const kept = /--back (\S+)/.exec(restored.text)?.[1] ?? '';
  const back = await underLoad(stack(), 'restore-prod', ['--back', kept, ...RESTORE]);
  expect(back.exitCode, back.text).toBe(0);
  expect(back.load.failed, JSON.stringify(back.load.outcomes)).toBeLessThanOrEqual(FAIL_AT_MOST);
  expect(notes(stack())).toBe(`${rows},written since`);
  for (const name of stack()
    .sql("SELECT datname FROM pg_database WHERE datname LIKE 'whalefall\\_prod\\_%'")
    .split('\n'))
    if (name) stack().sql(`DROP DATABASE "${name}" WITH (FORCE)`);
});

it('drill', async () => {
  const run = await underLoad(stack(), 'rehearse', []);
  expect(run.exitCode, run.text).toBe(0);
  expect(run.text).toContain('Rehearsed and proved');
  expect(run.load, run.text).toMatchObject({ failed: 0 });
  expect(run.after.containers).toEqual(run.before.containers);
});
