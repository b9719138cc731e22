import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { cutShort } from '../../../../lib/flows/rollback/survey.ts';
import { testOps } from '../../../support/ops.ts';

it.each<[killed: readonly string[], found: ReturnType<typeof cutShort>]>([
  [[], undefined],
  [['rollback-prod'], 'back'],
  [['rollback-prod', 'backup-prod'], 'back'],
  [['rollback-prod', 'update-prod-flask'], 'back'],
  [['update-prod-flask'], 'other'],
])('a way back was cut short whatever else was, too: %j', (killed, found) => {
  const ops = testOps(() => undefined);
  for (const [i, script] of killed.entries()) {
    const dir = path.join(ops.paths.state, 'runs', `20260102T03000${i}Z-${script}`);
    mkdirSync(dir, { recursive: true });
    const events = [
      { event: 'run-start', script, version: '1', pid: 4_000_000, options: {}, args: [] },
      { event: 'plan', steps: ['x'] },
      { event: 'intent', command: 'docker stop app' },
    ];
    const line = (e: object, seq: number) =>
      `${JSON.stringify({ seq: seq + 1, at: '2026-01-02T03:00:00.000Z', ...e })}\n`;
    writeFileSync(path.join(dir, 'journal'), events.map(line).join(''));
  }
  expect(cutShort(ops, false)).toBe(found);
});
