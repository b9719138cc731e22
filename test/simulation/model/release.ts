/** How a release misbehaves; nothing of it by default. */
export interface Behaviour {
  readonly buildFails?: boolean;
  /** `flask` and the application die at the import. */
  readonly cannotCreate?: boolean;
  /** Its import does not end. */
  readonly importHangs?: boolean;
  /** Its container ends soon after it started, again and again. */
  readonly exitsAtStart?: boolean;
  /** The same, where production is; a trial does not. */
  readonly exitsInPlace?: boolean;
  /** It can be imported, but its workers never boot: requests wait. */
  readonly neverHealthy?: boolean;
  /** It can be imported, but its workers end while they boot, and gunicorn's master with them. */
  readonly crashesAtBoot?: boolean;
  /** Its workers die a while after they booted where production is; a canary does not. */
  readonly crashesInPlace?: boolean;
  /** 200, and a body that says unhealthy. */
  readonly deepUnhealthy?: boolean;
  readonly answers500?: boolean;
  readonly migrationFails?: boolean;
  /** Its migration commits on its way; when it fails, the first part of it stays. */
  readonly commitsMidway?: boolean | 'rows';
}

/** A commit of the application, as far as anybody outside of it can tell. */
export interface Release extends Behaviour {
  readonly commit: string;
  /** Newest schema revision that it knows. */
  readonly head: string;
  /** Its files where they differ from those that every release has; null for one that it does not have. */
  readonly files?: Readonly<Record<string, string | null>>;
  /** What a worker takes to boot. */
  readonly bootMs?: number;
}

export const OLD_REVISION = '20251231120100';
export const NEW_REVISION = '20260104120000';

export const release = (name: string, more: Partial<Release> = {}): Release => ({
  commit: Buffer.from(name).toString('hex').padEnd(40, '0').slice(0, 40),
  head: OLD_REVISION,
  ...more,
});
