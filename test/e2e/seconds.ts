import type { Reporter, TestModule } from 'vitest/node';

/** What each file took, hooks included, at the end of a run. */
export default class Seconds implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const took = modules.map((m) => [m.relativeModuleId, m.diagnostic().duration / 1000] as const);
    console.log('\nseconds per file:');
    for (const [file, seconds] of took) console.log(`${seconds.toFixed(0).padStart(6)} s  ${file}`);
  }
}
