import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { ensureEngine } from '../sandbox/engine.ts';
import { ensureBaseImages } from '../sandbox/images.ts';
import { Sandbox } from '../sandbox/sandbox.ts';
import { compileOnce } from '../support/compiled.ts';
import { watchLeftovers } from './leftovers.ts';
import { SHARED, sandboxOptions } from './update/stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the files that share a stack have it. */
    sharedRoot: string;
  }
}

/**
 * The engine must be there (README: `npm run sandbox -- --install-docker`); base images are made once and kept. Takes the shared
 * stack away in the end, if any file has made it, and fails when anything of the tests is left.
 */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  await ensureEngine({ install: false });
  await ensureBaseImages();
  const removeCompiled = compileOnce(['test/sandbox/load.ts']);
  const root = mkdtempSync(path.join(os.tmpdir(), `${SHARED}-`));
  const names = path.join(root, 'names');
  process.env.E2E_NAMES = names;
  const leftovers = watchLeftovers(names);
  provide('sharedRoot', root);
  return async () => {
    removeCompiled();
    const sandbox = new Sandbox(sandboxOptions(SHARED, root));
    // Only where a file of this process made it: another process may have one of the same name.
    if (existsSync(sandbox.dir)) await sandbox.down();
    const left = await leftovers.end();
    rmSync(root, { recursive: true, force: true });
    if (left.length === 0) return;
    process.exitCode = 1; // vitest shows what a teardown throws, and goes on as if all were well
    throw new Error(`the tests left:\n  ${left.join('\n  ')}`);
  };
}
