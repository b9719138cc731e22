import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Ops } from '../../../../lib/core/ops.ts';
import { targetFor } from '../../../../lib/core/target.ts';
import { createAdmin } from '../../../../lib/domain/app/admin.ts';
import { stamp } from '../../../../lib/domain/schema/flask-db.ts';
import { testOps } from '../../../support/ops.ts';

it.each<[what: string, deed: (ops: Ops) => Promise<unknown>]>([
  ['an admin is made', (ops) => createAdmin(ops, 'app')],
  ['a revision is noted', (ops) => stamp(ops, 'app', '20251231120100')],
])('no scheduler runs where %s, whatever its variable is called and .env says', async (_what, deed) => {
  const root = mkdtempSync(path.join(tmpdir(), 'app-'));
  const program = path.join(root, 'program');
  writeFileSync(program, '#!/bin/sh\necho "WFOPS:EXISTS $RUNS_JOBS"\n', { mode: 0o755 });
  writeFileSync(path.join(root, '.env'), 'RUNS_JOBS=true\n');
  const { app, ...rest } = targetFor(root);
  const own = { ...app, root, python: program, flask: program, schedulerVariable: 'RUNS_JOBS' };
  let said = '';
  const ops = testOps(
    ({ argv, env }) => {
      const [command = '', ...words] = argv.slice(argv.indexOf('bash'));
      said = execFileSync(command, words, { encoding: 'utf8', env: { ...process.env, ...env } });
      return { stdout: said };
    },
    { target: { ...rest, app: own } },
  );
  await deed(ops);
  expect(said).toBe('WFOPS:EXISTS false\n');
});
