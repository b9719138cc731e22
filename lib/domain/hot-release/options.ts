import type { HoldOptions } from '../hold/survey.ts';

export interface UpdateOptions {
  readonly ref: string;
  /** `back`: to a former release. Old code must not migrate, neither up nor down. */
  readonly direction: 'forward' | 'back';
  readonly restart: RestartKind | 'auto';
  readonly backup: 'auto' | 'always';
  readonly soakMs: number;
  readonly discardLocal: boolean;
  readonly syncSite: boolean;
  readonly bake: boolean;
  readonly hold: HoldOptions;
}

export const RESTARTS = ['rolling', 'reload', 'container'] as const;

/**
 * How running processes get new code. `rolling`: new workers beside the old ones, then the old ones leave. `reload`: SIGHUP, for a
 * changed gunicorn configuration; requests wait while the workers load. `container`: everything ends and starts again.
 */
export type RestartKind = (typeof RESTARTS)[number];
