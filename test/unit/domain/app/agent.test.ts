import { expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { agent } from '../../../../lib/domain/app/agent.ts';
import { canLogIn } from '../../../../lib/tools/postgres/login.ts';
import { container } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

it('waits on a busy machine for what looks into a container, and not for ever', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const ops = testOps(() => ({ hangs: true }));
  const db = { container: container('postgres'), user: 'shop', name: 'shop', volume: { name: 'data', createdAt: '' } };
  const ended: string[] = [];
  const asked = agent(ops, 'app', 'programs', { effect: 'read', args: {}, answer: z.object({}) });
  const login = canLogIn(ops, db, { container: 'app', host: '172.18.0.2' }, 'sentinel');
  for (const [name, deed] of Object.entries({ asked, login })) deed.catch(({ kind }) => ended.push(`${name}: ${kind}`));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(ended).toEqual([]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ended.toSorted()).toEqual(['asked: deadline', 'login: deadline']);
});
