import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts', 'test/simulation/**/*.test.ts'],
    testTimeout: 60_000, // only for what hangs
    maxWorkers: 2, // by default one processor of two would be idle
    setupFiles: ['test/support/no-real-processes.ts'],
    typecheck: { enabled: true, include: ['test/unit/**/*.test-d.ts'] },
  },
});
