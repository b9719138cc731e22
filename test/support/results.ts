import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** What a tier of tests came to. */
export interface Results {
  readonly passed: number;
  /** What failed, tests or what stands around them (a file that does not load, a hook, an empty suite), each with its errors. */
  readonly failed: readonly (readonly [what: string, why: string])[];
}

/** Writes {@link Results} as JSON to the file that RESULTS names: `.ci/run` adds the tiers up. */
export default class ResultsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const around = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const failed = [
      ...tests
        .filter((test) => test.result().state === 'failed')
        .map((test) => [`${test.module.moduleId}\n  ${test.fullName}`, said(test.result().errors ?? [])] as const),
      ...around
        .filter((each) => each.errors().length > 0)
        .map((each) => {
          const what = each.type === 'module' ? each.moduleId : `${each.module.moduleId}\n  ${each.fullName}`;
          return [what, said(each.errors())] as const;
        }),
      ...(unhandled.length > 0 ? [['outside of every test', said(unhandled)] as const] : []),
    ];
    const passed = tests.filter((test) => test.result().state === 'passed').length;
    writeFileSync(process.env.RESULTS ?? '', JSON.stringify({ passed, failed } satisfies Results));
  }
}

const said = (errors: readonly SerializedError[]) => errors.map((e) => e.stack ?? e.message).join('\n');
