import { ADHOC } from './adhoc.ts';
import { ALERTS } from './alerts.ts';
import type { Break } from './break.ts';
import { DATA } from './data.ts';
import { DATABASES } from './databases.ts';
import { DOCTOR } from './doctor.ts';
import { HOLD } from './hold.ts';
import { POSTGRES } from './postgres.ts';
import { PROMISES } from './promises.ts';
import { RUNS } from './runs.ts';
import { TRUTH } from './truth.ts';
import { WORDS } from './words.ts';

/** All that the code was broken by on purpose, and seen to fail. */
export const BREAKS: readonly Break[] = [
  ...RUNS,
  ...WORDS,
  ...DATA,
  ...DATABASES,
  ...ADHOC,
  ...PROMISES,
  ...POSTGRES,
  ...DOCTOR,
  ...HOLD,
  ...ALERTS,
  ...TRUTH,
];
