import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const REPO = path.join(import.meta.dirname, '../..');

/**
 * A copy of the tool that was compiled once, for tests that start a script hundreds of times: `tsx` does the same again at each start, in
 * more than half of the processor's time that a script takes to begin. A case of the processes tier starts one as operators do.
 *
 * @param programs of the tests' own that are started beside the scripts.
 * @returns what takes it away; until then {@link file://run-script.ts} uses it.
 */
export function compileOnce(programs: readonly string[]): () => void {
  const cache = path.join(REPO, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const copy = mkdtempSync(path.join(cache, 'compiled-'));
  chmodSync(copy, 0o755); // another user starts scripts from it, too
  for (const directory of ['lib', 'scripts'])
    cpSync(path.join(REPO, directory), path.join(copy, directory), {
      recursive: true,
      filter: (file) => !file.endsWith('.ts'),
    });
  cpSync(path.join(REPO, 'package.json'), path.join(copy, 'package.json'));
  const config = path.join(copy, 'tsconfig.json');
  const compilerOptions = {
    noCheck: true,
    noEmit: false,
    outDir: copy,
    rewriteRelativeImportExtensions: true,
    rootDir: REPO,
  };
  const include = ['lib', 'scripts', ...programs].map((part) => path.join(REPO, part));
  writeFileSync(config, JSON.stringify({ extends: path.join(REPO, 'tsconfig.json'), compilerOptions, include }));
  execFileSync(process.execPath, [path.join(REPO, 'node_modules/typescript/bin/tsc'), '-p', config]);
  process.env.COMPILED = copy;
  return () => rmSync(copy, { recursive: true, force: true });
}
