import { rmSync } from 'node:fs';

const PATIENCE_MS = 30_000;

/**
 * Removes a directory into which somebody who was killed, or has said that it ended, may write its last in this moment. Not by `maxRetries`:
 * Node 20 then tries the same rmdir again, and does not look what has come into it.
 */
export async function removeWhole(directory: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
