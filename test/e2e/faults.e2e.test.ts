import { beforeAll } from 'vitest';
import { engineCases } from './faults/engine.cases.ts';
import { killedCases } from './faults/killed.cases.ts';
import { remoteCases } from './faults/remote.cases.ts';
import { surroundingsCases } from './faults/surroundings.cases.ts';
import { sharedStack } from './shared.ts';
import type { Stack } from './update/stack.ts';

let made: Stack;
const stack = () => made;

beforeAll(async () => {
  made = await sharedStack();
});

// No describe around each: one whose cases all belong to E2E=full would be empty, which is a failure.
surroundingsCases(stack);
remoteCases(stack);
killedCases(stack);
engineCases(stack);
