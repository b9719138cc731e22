export const RESTARTS = ['rolling', 'reload', 'container'] as const;

/**
 * How running processes get new code. `rolling`: new workers beside the old ones, then the old ones leave. `reload`: SIGHUP, for a
 * changed gunicorn configuration; requests wait while the workers load. `container`: everything ends and starts again.
 */
export type RestartKind = (typeof RESTARTS)[number];
