import { defineConfig } from 'vitest/config';

// Real processes and terminals, no Docker. Each waits mostly, but they count on being woken up in time.
export default defineConfig({
  test: { include: ['test/processes/**/*.test.ts'], fileParallelism: false, testTimeout: 180_000 },
});
