import type { Ops } from '../../core/ops.ts';
import type { RestartKind, UpdateOptions } from '../../domain/hot-release/options.ts';
import { holdOptions } from '../../runs/command-line/deployment-flags.ts';
import { duration, type Parsed } from '../../runs/command-line/flags.ts';

/** @throws {OpsError} `usage` for a soak that is no duration. */
export function optionsOf(ops: Ops, flags: Parsed): UpdateOptions {
  return {
    ref: String(flags.ref ?? ops.target.release.ref),
    direction: 'forward',
    restart: (flags.restart ?? 'auto') as RestartKind | 'auto',
    backup: (flags.backup ?? 'auto') as 'auto' | 'always',
    soakMs: duration(String(flags.soak ?? '10s')),
    discardLocal: Boolean(flags['discard-local']),
    syncSite: Boolean(flags['sync-nginx-site-config']),
    bake: Boolean(flags.bake),
    hold: holdOptions(flags),
  };
}
