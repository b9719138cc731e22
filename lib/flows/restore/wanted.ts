import type { Wanted } from '../../domain/restoration/facts.ts';
import type { Parsed } from '../../runs/command-line/flags.ts';
import { usage } from '../../runs/command-line/flags.ts';

/** A database that an earlier restore kept is to go. */
interface Unwanted {
  readonly kind: 'drop';
  readonly database: string;
}

/** What a command line asks for. @throws {OpsError} `usage` when it asks for several things. */
export function wantedBy({ backup, back, drop, roles }: Parsed): Wanted | Unwanted {
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
