import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { ensureEngine } from '../sandbox/engine.ts';
import { ensureBaseImages } from '../sandbox/images.ts';
import { Sandbox } from '../sandbox/sandbox.ts';
import { SHARED, sandboxOptions } from './update/stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the files that share a stack have it. */
    sharedRoot: string;
  }
}

/**
 * The engine must be there (README: `npm run sandbox -- --install-docker`); base images are made once and kept. Takes the shared
 * stack away in the end, if any file has made it.
 */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  await ensureEngine({ install: false });
  await ensureBaseImages();
  const root = mkdtempSync(path.join(os.tmpdir(), `${SHARED}-`));
  provide('sharedRoot', root);
  return async () => {
    const sandbox = new Sandbox(sandboxOptions(SHARED, root));
    // Only where a file of this process made it: another process may have one of the same name.
    if (existsSync(sandbox.dir)) await sandbox.down();
    rmSync(root, { recursive: true, force: true });
  };
}
