import { defineConfig } from 'vitest/config';

// Real processes and terminals, no Docker. Each waits mostly, so two files at once.
export default defineConfig({
  test: { include: ['test/processes/**/*.test.ts'], maxWorkers: 2, testTimeout: 600_000 },
});
