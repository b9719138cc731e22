import { readFileSync } from 'node:fs';
import path from 'node:path';
import { applyEnv } from '../../scripts/apply-env.ts';
import type { Deployment } from './model/deployment.ts';
import { keepsData, runAndCheck } from './model/invariants.ts';
import { itSurvives } from './model/it-survives.ts';
import { updatable } from './model/updatable.ts';

/** A release of ours serves, and somebody has changed `.env`. */
async function changed(made: Deployment): Promise<void> {
  const d = await updatable({}, { made });
  const ended = await d.run(['--yes', '--data', 'keep']);
  if (ended.exitCode !== 0) throw new Error(ended.text);
  const text = readFileSync(path.join(d.dir, '.env'), 'utf8');
  d.writeEnv(text.replace(/^LOG_LEVEL=.*$/m, 'LOG_LEVEL=DEBUG'));
}

itSurvives('whatever command goes wrong when .env is applied, the application serves with one or the other', {
  name: 'apply-env',
  args: ['--yes'],
  script: applyEnv,
  check: (d, args, options) => runAndCheck(d, args, { ...options, script: applyEnv }),
  kept: keepsData,
  sample: { changes: 2, reads: 1, first: 'killed' },
  given: changed,
});
