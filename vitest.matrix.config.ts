import os from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

// One part of the acceptance at a time, in the surrounding in which the process was started: see test/matrix/main.ts.
export default defineConfig({
  // The user who runs it may not be allowed to write beside the code.
  cacheDir: path.join(path.dirname(process.env.MATRIX_ROOT ?? os.tmpdir()), 'vite'),
  test: {
    include: ['test/matrix/parts/*.test.ts'],
    fileParallelism: false,
    isolate: false,
    reporters: ['default', './test/matrix/case-reporter.ts'],
    // Only for what hangs.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
