import { type Parsed, usage } from '../../runs/command-line/flags.ts';
import { requireReference } from './survey.ts';

/** What a command line asks for. */
export type Wanted =
  | { readonly kind: 'upgrade'; readonly to: string; readonly onlyTries: boolean }
  | { readonly kind: 'back' }
  | { readonly kind: 'drop' };

/** @throws {OpsError} `usage` when it asks for several things, or for none. */
export function wantedBy({ to, trial, back, drop }: Parsed): Wanted {
  if ([to, back, drop].filter((w) => w !== undefined).length !== 1) {
    throw usage({
      en: 'one of --to IMAGE, --back and --drop is needed',
      zh: '--to IMAGE, --back, --drop 必须且只能指定一个',
    });
  }
  if (trial && to === undefined) throw usage({ en: '--trial goes with --to', zh: '--trial 需与 --to 一起使用' });
  if (back) return { kind: 'back' };
  if (drop) return { kind: 'drop' };
  return { kind: 'upgrade', to: requireReference(String(to)), onlyTries: Boolean(trial) };
}
