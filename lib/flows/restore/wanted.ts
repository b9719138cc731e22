import type { Roles } from '../../domain/backup/roles.ts';
import type { Parsed } from '../../runs/command-line/flags.ts';
import { usage } from '../../runs/command-line/flags.ts';

/** What a command line asks for. */
export type Wanted =
  /** A backup's directory or name, or `latest`. */
  | { readonly kind: 'backup'; readonly backup: string; readonly roles?: Roles }
  /** A database that an earlier restore kept is to be in use again. */
  | { readonly kind: 'back'; readonly database: string }
  /** It is to go. */
  | { readonly kind: 'drop'; readonly database: string };

/** @throws {OpsError} `usage` when it asks for several things. */
export function wantedBy({ backup, back, drop, roles }: Parsed): Wanted {
  if ([backup, back, drop].filter((w) => w !== undefined).length > 1) {
    throw usage({
      en: 'a backup, --back and --drop exclude one another',
      zh: '备份参数, --back 与 --drop 只能使用其中一个',
    });
  }
  if (roles !== undefined && (back ?? drop) !== undefined) {
    throw usage({ en: '--roles is for a backup only', zh: '--roles 只用于恢复备份' });
  }
  if (back !== undefined) return { kind: 'back', database: String(back) };
  if (drop !== undefined) return { kind: 'drop', database: String(drop) };
  return { kind: 'backup', backup: String(backup ?? 'latest'), roles: roles === 'backup' ? 'saved' : 'needed' };
}
