import type { Deployment } from './deployment.ts';
import type { release } from './release.ts';

/** In what way a release does not run. */
export type Bad = Parameters<typeof release>[1];

/** Releases that are to come, and those that there are, but for the one that was stopped, do not run any more. @returns mends them. */
export function breaks(d: Deployment, how: Bad): () => void {
  const [good, stopped] = [d.machine.release, d.container('whalefall')?.image];
  const images = d.machine.engine.images.filter((i) => i.release && i !== stopped);
  const were = images.map((i) => i.release);
  const pushed = [...d.machine.engine.releases].filter(([commit]) => commit !== stopped?.release?.commit);
  for (const [commit, r] of pushed) d.machine.engine.releases.set(commit, { ...r, ...how });
  const bad = { ...good, ...how };
  d.machine.release = bad;
  for (const i of images) Object.assign(i, { release: { ...i.release, ...how } });
  return () => {
    d.machine.release = good;
    for (const [commit, r] of pushed) d.machine.engine.releases.set(commit, r);
    for (const [at, i] of images.entries()) Object.assign(i, { release: were[at] });
    // What was built meanwhile is known to the builder, which would not build it again.
    for (const i of d.machine.engine.images) if (i.release === bad) Object.assign(i, { release: good });
  };
}
