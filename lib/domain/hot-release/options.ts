import type { HoldOptions } from '../hold/survey.ts';
import type { RestartKind } from './restart-kinds.ts';

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
