import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that share a stack; what takes as long together; and all others. */
const THIRDS = [
  /\/(apply-env|doctor|faults|rehearse|report|restore|runs|update)\.e2e\.test\.ts$/,
  /\/(adhoc|backup|hold|rebuild|rollback)\.e2e\.test\.ts$/,
] as const;

/** The files that share a stack come one after the other, and `update` last: migrations only go forward. */
class ByName extends BaseSequencer {
  override async shard(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { index, count } = this.ctx.config.shard ?? { index: 1, count: 1 };
    if (count === 1) return files;
    if (count !== 3) throw new Error('there are three thirds: --shard=1/3, 2/3 and 3/3');
    const thirdOf = (file: string) => 1 + ((THIRDS.findIndex((third) => third.test(file)) + 3) % 3);
    return files.filter(({ moduleId }) => thirdOf(moduleId) === index);
  }

  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

// One engine and measured outages: one file after the other, in one process, so that they can share a stack. What the scripts wait for
// leaves time for three such processes at once: `--shard=1/3`, `2/3` and `3/3`.
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
