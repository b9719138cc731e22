import { expect, it } from 'vitest';
import {
  type Capabilities,
  lacking,
  tell,
  toldOtherwise,
  unknownTo,
} from '../../../../lib/tools/postgres/capabilities.ts';
import { testOps } from '../../../support/ops.ts';

const can = (more: Partial<Capabilities>): Capabilities => ({
  inFiles: [],
  onCommandLine: [],
  known: ['work_mem', 'shared_buffers'],
  available: ['plpgsql'],
  extensions: ['plpgsql'],
  ...more,
});
const set = (name: string, value: string) => ({ name, value });

it('tells another server what somebody has changed, and not what each cluster has of its own', () => {
  const old = can({
    inFiles: [
      set('work_mem', '7MB'),
      set('shared_buffers', '128MB'),
      set('lc_messages', 'de_DE.UTF-8'),
      set('hba_file', '/x'),
    ],
  });
  const fresh = can({ inFiles: [set('shared_buffers', '128MB'), set('lc_messages', 'C')] });
  expect(toldOtherwise(old, fresh)).toEqual([set('work_mem', '7MB')]);
});

it('names what another version does not know, from files and the command line; an extension’s own is anybody’s', () => {
  const old = can({
    inFiles: [set('work_mem', '7MB'), set('old_snapshot_threshold', '1h'), set('pg_stat_statements.max', '9')],
    onCommandLine: ['vacuum_defer_cleanup_age', 'old_snapshot_threshold'],
    extensions: ['pg_trgm', 'plpgsql'],
  });
  expect(unknownTo(can({}), old)).toEqual(['old_snapshot_threshold', 'vacuum_defer_cleanup_age']);
  expect(lacking(can({}), old)).toEqual(['pg_trgm']);
});

it('quotes names and values, lists one by one, and sends them by stdin alone', async () => {
  const ops = testOps(() => ({}));
  const server = { container: { id: 'pg' }, user: 'u', name: 'db' };
  await tell(ops, server, [
    set('archive_command', "copy 'secret'"),
    set('shared_preload_libraries', 'pg_stat_statements, auto_explain'),
    set('pg_stat_statements.max', '99'),
  ]);
  const [psql, restart] = ops.scripted.calls;
  expect(psql?.input.toString()).toContain(`ALTER SYSTEM SET "archive_command" TO 'copy ''secret''';
ALTER SYSTEM SET "shared_preload_libraries" TO 'pg_stat_statements', 'auto_explain';
ALTER SYSTEM SET "pg_stat_statements"."max" TO '99';`);
  expect(psql?.argv.join(' ')).not.toContain('secret');
  expect(restart?.argv.slice(0, 2)).toEqual(['docker', 'restart']);
});
