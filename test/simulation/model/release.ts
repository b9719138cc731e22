/** How a release misbehaves; nothing of it by default. */
export interface Behaviour {
  readonly buildFails?: boolean;
  /** `flask` and the application die at the import. */
  readonly cannotCreate?: boolean;
  /** Its container ends soon after it started, again and again. */
  readonly exitsAtStart?: boolean;
  /** Its workers never boot: nginx answers 502. */
  readonly neverHealthy?: boolean;
  /** 200, and a body that says unhealthy. */
  readonly deepUnhealthy?: boolean;
  readonly migrationFails?: boolean;
}

/** A commit of the application, as far as anybody outside of it can tell. */
export interface Release extends Behaviour {
  readonly commit: string;
  /** Newest schema revision that it knows. */
  readonly head: string;
}

export const OLD_REVISION = '20251231120100';
export const NEW_REVISION = '20260104120000';

export const release = (name: string, more: Partial<Release> = {}): Release => ({
  commit: Buffer.from(name).toString('hex').padEnd(40, '0').slice(0, 40),
  head: OLD_REVISION,
  ...more,
});
