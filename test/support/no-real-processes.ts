import { afterEach, vi } from 'vitest';
import { takeViolations } from './scripted-spawn.ts';

// No unit or simulation test starts a real process: zx's default spawn is replaced by one that throws.
vi.mock('node:child_process', async (original) => ({
  ...(await original<typeof import('node:child_process')>()),
  spawn: () => {
    throw new Error('a test reached the real spawn');
  },
}));

// An unexpected command fails the test even when the code under test swallowed its failure.
afterEach(() => {
  const violations = takeViolations();
  if (violations.length > 0) throw new Error(violations.join('\n'));
});
