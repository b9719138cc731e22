import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { appendLine, linesAs } from '../../../../lib/tools/files/json.ts';

it('keeps what is appended behind a line that a crash has torn', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'whalefall-ops-json-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = path.join(dir, 'ledger');
  appendLine(file, { n: 1 });
  appendFileSync(file, '{"n": ');
  appendLine(file, { n: 3 });
  appendLine(file, { n: 4 });
  expect(linesAs(z.object({ n: z.int() }), file).map(({ n }) => n)).toEqual([1, 3, 4]);
});
