import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Place } from './place.ts';
import type { Case } from './results.ts';
import type { Part } from './surroundings.ts';

const REPO = path.join(import.meta.dirname, '../..');

interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly duration?: number | null;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Runs a part of the acceptance there, by the program that runs the scripts there; answers each case by its title. */
export async function accept(place: Place, part: Part): Promise<Readonly<Record<string, Case>>> {
  const out = mkdtempSync(path.join(place.home, 'out-'));
  const { uid, gid } = statSync(place.home);
  chownSync(out, uid, gid);
  const file = path.join(out, 'report.json');
  try {
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.matrix.config.ts'];
    const told = ['--reporter=default', '--reporter=json', `--outputFile=${file}`];
    await inPlace(place, [place.node, ...vitest, ...told, `test/matrix/parts/${part}.test.ts`]);
    if (!existsSync(file)) return { [part]: { seconds: 0, failure: 'the tests did not run' } };
    return casesOf(JSON.parse(readFileSync(file, 'utf8')) as Report, part);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function casesOf({ testResults }: Report, part: Part): Record<string, Case> {
  const cases = testResults.flatMap(({ message, assertionResults }) =>
    assertionResults.length === 0
      ? [[part, { seconds: 0, failure: firstLine(message) }] as const]
      : assertionResults.map(({ title, status, duration, failureMessages: [why = ''] }) => {
          const seconds = Math.round((duration ?? 0) / 1000);
          return [
            title,
            status === 'passed' ? { seconds } : { seconds, failure: firstLine(why || message || status) },
          ] as const;
        }),
  );
  return Object.fromEntries(cases);
}

// Whole outputs of scripts are in what was shown.
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours
const firstLine = (text: string): string => (text.replace(/\x1b\[\d+m/g, '').split('\n')[0] ?? '').slice(0, 200);

function inPlace({ enter, env }: Place, command: readonly string[]): Promise<void> {
  const [program = '', ...words] = [...enter, 'env', '-C', REPO, ...command];
  const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
}
