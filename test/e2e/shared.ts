import { inject } from 'vitest';
import { SHARED, Stack } from './update/stack.ts';

let made: Promise<Stack> | undefined;

/**
 * The one stack of all files that leave a stack serving: a first deployment of its own for each would take longer than most of their cases.
 * The first that asks makes it; whatever the file before has left, it serves `current`. Files run one after the other in one
 * process, in the order of their names.
 */
export async function sharedStack(): Promise<Stack> {
  made ??= firstDeployed();
  const stack = await made;
  await stack.takeOver();
  return stack;
}

async function firstDeployed(): Promise<Stack> {
  const stack = await Stack.prepared(SHARED, inject('sharedRoot'));
  try {
    await stack.deploy();
  } catch (error) {
    made = undefined; // the next file tries for itself
    throw error;
  }
  return stack;
}
