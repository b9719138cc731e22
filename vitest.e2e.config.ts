import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that share a stack, and what together with them takes as long as all others. */
const FIRST =
  /\/(adhoc|apply-env|backup|compose|doctor|faults|git-[a-z]+|rehearse|report|restore|runs|secrets|update|way-back)\.e2e\.test\.ts$/;

/** The files that share a stack come one after the other, and `update` near the end: migrations only go forward. */
class ByName extends BaseSequencer {
  override async shard(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { index, count } = this.ctx.config.shard ?? { index: 1, count: 1 };
    if (count === 1) return files;
    if (count !== 2) throw new Error('there are two halves: --shard=1/2 and 2/2');
    return files.filter(({ moduleId }) => FIRST.test(moduleId) === (index === 1));
  }

  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

// One engine and measured outages: one file after the other, in one process, so that they can share a stack. What the scripts wait for
// leaves time for two such processes at once, `--shard=1/2` and `2/2`; a third makes a machine with two processors slower, not faster.
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
