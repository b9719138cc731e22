import { appendFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import type { Outcome } from './results.ts';

export const CASES_FILE = 'MATRIX_CASES';

/** Tells each case as soon as it is over, a line of JSON each: a part that is cut short has still shown something. */
export default class CaseReporter implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    const failure = state === 'passed' ? undefined : firstLine(errors[0]?.message ?? state);
    tell(test.name, {
      seconds: Math.round((test.diagnostic()?.duration ?? 0) / 1000),
      ...(failure !== undefined && { failure }),
    });
  }

  onTestModuleEnd(module: TestModule): void {
    for (const { message } of module.errors())
      tell(module.moduleId.split('/').at(-1) ?? '', { seconds: 0, failure: firstLine(message) });
  }
}

function tell(title: string, told: Outcome): void {
  appendFileSync(process.env[CASES_FILE] ?? '', `${JSON.stringify([title, told])}\n`);
}

/** Whole outputs of scripts are in what was shown; here it is what was expected, and what one of them failed with, if that is in it. */
function firstLine(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const failed = lines.find((line) => line.startsWith('✗ '))?.slice(0, 120);
  const expected = lines.findLast((line) => /^(: )?expected /.test(line))?.replace(/^: /, '');
  const told = [expected, failed].filter((line) => line !== undefined).join('; ');
  return (told || lines[0] || '(without a word)').slice(0, 250);
}
