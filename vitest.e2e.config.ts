import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that share a stack come one after the other, and `update` last: migrations only go forward. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

// One engine, few ports, measured outages: one file after the other, in one process, so that they can share a stack.
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.e2e.test.ts'],
    globalSetup: ['test/e2e/engine.setup.ts'],
    fileParallelism: false,
    isolate: false,
    sequence: { sequencer: ByName },
    reporters: ['default', './test/e2e/seconds.ts'],
    // Only for what hangs: on a machine that is busy with something else, all takes many times as long.
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
