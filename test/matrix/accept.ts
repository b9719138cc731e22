import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CASES_FILE } from './case-reporter.ts';
import type { Place } from './place.ts';
import type { Outcome } from './results.ts';
import type { Part } from './surroundings.ts';

const REPO = path.join(import.meta.dirname, '../..');

/** Runs a part of the acceptance there, by the program that runs the scripts there; answers each case that came to its end, by title. */
export async function accept(place: Place, part: Part | 'down'): Promise<Readonly<Record<string, Outcome>>> {
  const out = mkdtempSync(path.join(place.home, 'out-'));
  const file = path.join(out, 'cases');
  writeFileSync(file, '');
  const { uid, gid } = statSync(place.home);
  for (const its of [out, file]) chownSync(its, uid, gid);
  try {
    // Another loader of the configuration writes beside the code, which the user there may not be allowed to.
    const vitest = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--config',
      'vitest.matrix.config.ts',
      '--configLoader=runner',
    ];
    const ended = await inPlace(place, [place.node, ...vitest, `test/matrix/parts/${part}.test.ts`], file);
    const cases = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    if (cases.length === 0 && ended !== 0) return { [part]: { seconds: 0, failure: `vitest: ${ended}` } };
    return Object.fromEntries(cases.map((line) => JSON.parse(line) as [string, Outcome]));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** @returns the exit code, or the signal. */
function inPlace({ enter, env }: Place, command: readonly string[], file: string): Promise<number | string> {
  const [program = '', ...words] = [...enter, 'env', '-C', REPO, ...command];
  const its = { ...process.env, ...env, [CASES_FILE]: file };
  const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'], env: its });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal ?? ''));
  });
}
