import { existsSync } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';

/** They replace a module for themselves, or change what belongs to the whole process: each has one of its own. For all others, loading the modules anew takes a third of the time. */
const REPLACING_SIMULATION = 'test/simulation/bad-input.test.ts';
const REPLACING = [
  'test/unit/domain/backup/directory.test.ts',
  'test/unit/domain/env/write.test.ts',
  'test/unit/core/journal.test.ts',
  'test/unit/runs/terminal/terminal.test.ts',
  'test/unit/runs/main/question.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 60_000, // only for what hangs
    // Thousands of small directories, and journals that are flushed: a tenth of the time on a disk goes into that.
    env: existsSync('/dev/shm') ? { TMPDIR: '/dev/shm' } : {},
    maxWorkers: 2, // by default one processor of two would be idle
    setupFiles: ['test/support/no-real-processes.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          isolate: false,
          pool: 'threads',
          include: ['test/unit/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...REPLACING],
          typecheck: { enabled: true, include: ['test/unit/**/*.test-d.ts'] },
        },
      },
      { extends: true, test: { name: 'unit-alone', include: REPLACING } },
      {
        extends: true,
        test: {
          name: 'simulation',
          isolate: false,
          pool: 'threads',
          include: ['test/simulation/**/*.test.ts'],
          exclude: [...configDefaults.exclude, REPLACING_SIMULATION],
        },
      },
      { extends: true, test: { name: 'simulation-alone', include: [REPLACING_SIMULATION] } },
    ],
  },
});
