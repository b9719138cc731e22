/** Debian's releases that the images can be made of, and the PostgreSQL of each. */
export const POSTGRES = { bookworm: 15, trixie: 17, sid: 18 } as const;

export type Suite = keyof typeof POSTGRES;

/** What the images of a stack are made of. */
export type Recipe = {
  suite: Suite;
  /** `alpine`: busybox first in PATH and as /bin/sh, and the server's user is 70, as in the official alpine images. */
  userland: 'debian' | 'alpine';
  redis: 'redis' | 'valkey';
};

/**
 * As `SANDBOX_RECIPE` says: a release, then what differs, as `sid,alpine` or `trixie,valkey`. It is how the matrix of surroundings
 * tells the processes below it; without it, what README's first command brings up.
 */
export function recipe(text = process.env.SANDBOX_RECIPE ?? 'bookworm'): Recipe {
  const [suite = '', ...flags] = text.split(',');
  const unknown = flags.filter((flag) => flag !== 'alpine' && flag !== 'valkey');
  if (!(suite in POSTGRES) || unknown.length > 0) throw new Error(`SANDBOX_RECIPE: ${text}`);
  return {
    suite: suite as Suite,
    userland: flags.includes('alpine') ? 'alpine' : 'debian',
    redis: flags.includes('valkey') ? 'valkey' : 'redis',
  };
}

/** Where the official image of that PostgreSQL has its volume: from 18 on one level higher, with the major version below it. */
export const postgresVolume = (major: number): string =>
  major >= 18 ? '/var/lib/postgresql' : '/var/lib/postgresql/data';

export const postgresData = (major: number): string =>
  major >= 18 ? `/var/lib/postgresql/${major}/docker` : '/var/lib/postgresql/data';
