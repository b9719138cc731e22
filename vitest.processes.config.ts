import { defineConfig } from 'vitest/config';

// Real processes and terminals, no Docker. Each waits mostly, so three files at once.
export default defineConfig({
  test: {
    include: ['test/processes/**/*.test.ts'],
    globalSetup: ['test/processes/compiled.setup.ts'],
    maxWorkers: 3,
    testTimeout: 600_000,
  },
});
