import { afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { sharedStack } from './shared.ts';
import { brokenCases } from './update/broken.cases.ts';
import { goodCases } from './update/good.cases.ts';
import { interruptedCases } from './update/interrupted.cases.ts';
import { localChangesCases } from './update/local-changes.cases.ts';
import { migrationCases } from './update/migration.cases.ts';
import { preconditionCases } from './update/precondition.cases.ts';
import type { Stack } from './update/stack.ts';

// The shared stack goes through the life of its releases, always under load: 50 requests a second through nginx. The last of the files
// that share it, because its migrations only go forward.
let prepared: Stack;
let damaged = false;
const stack = () => prepared;

beforeAll(async () => {
  prepared = await sharedStack();
});

// A case that failed may have left anything; the next one shall fail for a reason of its own only.
afterEach(({ task }) => {
  damaged ||= task.result?.state === 'fail';
  // The suite is long: nobody should have to wait for its end.
  for (const error of task.result?.errors ?? []) console.log(`FAILED: ${task.name}\n${error.message}`);
});
beforeEach(async () => {
  if (damaged) await prepared.redeploy();
  damaged = false;
});

describe('a good release', () => goodCases(stack));
describe('a broken release', () => brokenCases(stack));
describe('a release that is not suitable, or not now', () => preconditionCases(stack));
describe('local changes', () => localChangesCases(stack));
describe('an interrupted run', () => interruptedCases(stack));
describe('a release with migrations', () => migrationCases(stack));
