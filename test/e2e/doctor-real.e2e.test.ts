import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { briefly, Examined } from './doctor/examined.ts';
import { REAL } from './doctor/real-faults.ts';
import { thorough } from './thorough.ts';
import { Stack } from './update/stack.ts';

// What goes wrong with a certificate, a mount, or pages that are built: the stack that is like the deployed application has them.
describe.skipIf(!thorough)('a stack like the deployed one', () => {
  let stack: Stack;
  let examined: Examined;

  beforeAll(async () => {
    stack = await Stack.prepared('wfops-real');
    await stack.deploy();
    examined = new Examined(stack);
  });
  afterAll(() => stack?.down());

  it('has nothing wrong', async () => {
    expect(briefly(await examined.found())).toEqual([]);
  });

  for (const fault of REAL) it(`${fault.name}: ${fault.finds}`, () => examined.isNamedFirst(fault));

  it('is sound again', async () => {
    expect(briefly(await examined.found())).toEqual([]);
  });
});
