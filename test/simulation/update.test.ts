import { expect, it, vi } from 'vitest';
import { appOf, UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 30_000 });

it('x', async () => {
  const d = await updatable();
  const ended = await d.run(['--yes'], { script: UPDATE });
  console.log(ended.text);
  console.log(ended.calls.map((c) => c.argv.join(' ').slice(0, 150)).join('\n'));
  console.log(appOf(d).app?.visitor, appOf(d).app?.gunicorns);
  expect(ended.exitCode).toBe(0);
});
