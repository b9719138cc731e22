import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { commitsMidwayHere } from '../../../../lib/domain/release/midway.ts';
import { testOps } from '../../../support/ops.ts';

const [ENV, NEXT] = ['migrations/env.py', 'migrations/versions/20260601090000_next.py'];

function found(env: string, migration: string, revision = '20251231120100') {
  const ops = testOps(() => undefined);
  const { dir } = ops.target;
  mkdirSync(path.join(dir, 'migrations', 'versions'), { recursive: true });
  writeFileSync(path.join(dir, ENV), env);
  writeFileSync(path.join(dir, NEXT), migration);
  return commitsMidwayHere(ops, revision);
}

it.each([
  ['context.configure(transaction_per_migration=True)', 'op.add_column()', [{ file: ENV, within: false }]],
  ['engine.execution_options(isolation_level="AUTOCOMMIT")', '', [{ file: ENV, within: true }]],
  ['', 'with op.get_context().autocommit_block():', [{ file: NEXT, within: true }]],
  ['', 'op.execute("CREATE INDEX CONCURRENTLY i ON t (a)")', [{ file: NEXT, within: true }]],
  ['', '# with op.get_context().autocommit_block():', []],
  ['context.configure(transaction_per_migration=False)', 'op.add_column()', []],
])('knows by which file an upgrade commits on its way: %j %j', (env, migration, files) => {
  expect(found(env, migration)).toEqual(files);
});

it('asks nothing of migrations that the database has', () => {
  expect(found('', 'with op.get_context().autocommit_block():', '20260601090000')).toEqual([]);
});
