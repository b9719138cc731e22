import { expect, it } from 'vitest';
import { deepHealth } from '../../e2e/update/serving.ts';
import { Stack } from '../../e2e/update/stack.ts';
import { STACK } from '../surroundings.ts';
import { ROOT } from './part.ts';

it('install', async () => {
  const stack = await Stack.prepared(STACK, ROOT);
  await stack.deploy();
  expect(await deepHealth(stack)).toBe('healthy, database connected, redis connected');
  expect(stack.sql("SELECT count(*) FROM users WHERE username = 'admin'")).toBe('1');
});
