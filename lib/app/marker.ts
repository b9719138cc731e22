import { exec } from '../host/docker.ts';
import type { Ops } from '../host/ops.ts';
import { run } from '../host/run.ts';

/** Which commit a container runs, as a file in it; images say nothing about that. */
export const MARKER = '.whalefall-release.json';

/** What the container says it runs; `undefined` for one that no script of ours released to. */
export async function readMarker(ops: Ops, container: string): Promise<string | undefined> {
  const cat = exec('read', container, ['cat', `${ops.target.app.root}/${MARKER}`]);
  const marker = await run(ops, cat, [0, 1, 126, 127, 137]);
  if (marker.exitCode !== 0) return undefined;
  try {
    const { commit } = JSON.parse(marker.stdout) as { commit?: unknown };
    return typeof commit === 'string' && /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
  } catch {
    return undefined;
  }
}

export const markerText = (commit: string, run: string): string => `${JSON.stringify({ commit, run })}\n`;
