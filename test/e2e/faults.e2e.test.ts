import { afterAll, beforeAll } from 'vitest';
import { engineCases } from './faults/engine.cases.ts';
import { killedCases } from './faults/killed.cases.ts';
import { remoteCases } from './faults/remote.cases.ts';
import { surroundingsCases } from './faults/surroundings.cases.ts';
import { Stack } from './update/stack.ts';

let made: Stack;
const stack = () => made;

beforeAll(async () => {
  made = await Stack.prepared('wfops-faults', 28600);
  await made.deploy();
});

afterAll(() => made?.down());

// No describe around each: one whose cases all belong to E2E=full would be empty, which is a failure.
surroundingsCases(stack);
remoteCases(stack);
killedCases(stack);
engineCases(stack);
