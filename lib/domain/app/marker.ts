import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { exec } from '../../tools/docker/docker.ts';
import { eachAs } from '../../tools/files/json.ts';

/** Which commit a container runs, as a file in it; images say nothing about that. */
export const MARKER = '.whalefall-release.json';

/** Where releases are staged, below the application's root: the same file system, so that a rename puts a file in place. */
export const STAGING = '.whalefall-staging';

const marker = z.object({
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  /** The run's directory name, which ends with the script's. */
  run: z.string(),
  /** Put in place in a running container, before its processes were replaced. */
  hot: z.boolean().optional(),
  /** Of a hot release: by the place of each artefact, one word for the content of the sources that it was built from. */
  artefacts: z.record(z.string(), z.string()).optional(),
});

export type Marker = z.infer<typeof marker>;

/** What the container says it runs; `undefined` for one that no script of ours released to. */
export async function readMarker(ops: Ops, container: string): Promise<Marker | undefined> {
  const cat = exec('read', container, ['cat', `${ops.target.app.root}/${MARKER}`]);
  return markersIn((await run(ops, cat, [0, 1, 126, 127, 137])).stdout)[0];
}

/** What runs that were killed left in the container. */
export interface CutShort {
  /** A staging directory is there. */
  readonly staging: boolean;
  /** Their releases, as far as they had been staged. */
  readonly releases: readonly Marker[];
}

export const markerText = (released: Marker): string => `${JSON.stringify(released)}\n`;

/** Those that a text of one line each says; others' lines are none. */
export const markersIn = (text: string): Marker[] => eachAs(marker, text);
