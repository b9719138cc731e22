import { ensureEngine } from '../sandbox/engine.ts';
import { ensureBaseImages } from '../sandbox/images.ts';

/** The engine must be there (README: `npm run sandbox -- --install-docker`); base images are made once and kept. */
export async function setup(): Promise<void> {
  await ensureEngine({ install: false });
  await ensureBaseImages();
}
