import type { Deployment } from './model/deployment.ts';
import type { How, Point } from './model/faults.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { itSurvives } from './model/it-survives.ts';
import { NEW_REVISION } from './model/release.ts';
import { GUNICORN, gunicornConfig, SUPERVISOR, supervisorConfig } from './model/release-files.ts';
import { editLocally, UPDATE, updatable } from './model/updatable.ts';

/** The container dies at whatever is asked of it or of the engine, and at what changes something. */
const dies = ({ label, isChange }: Point) =>
  /^docker (exec|inspect|restart)/.test(label) || (isChange && label.startsWith('git'))
    ? (['container-dies', 'container-died'] as const)
    : [];

const KINDS: readonly {
  readonly name: string;
  readonly args?: readonly string[];
  /** The first of the ways that are tried by default. */
  readonly first: How;
  readonly given: (made: Deployment) => Promise<unknown>;
}[] = [
  { name: 'a migration', first: 'killed', given: (made) => updatable({ head: NEW_REVISION }, { made }) },
  {
    name: 'local changes and another configuration of gunicorn',
    args: ['--discard-local'],
    first: 'interrupted-after',
    async given(made) {
      await updatable({ files: { [GUNICORN]: gunicornConfig(3) } }, { made });
      editLocally(made);
    },
  },
  {
    name: 'another configuration of supervisord',
    first: 'hangs-after',
    given: (made) => updatable({ files: { [SUPERVISOR]: supervisorConfig('; a comment\n') } }, { made }),
  },
];

for (const { name, args = [], first, given } of KINDS) {
  itSurvives(`whatever command goes wrong in a hot update with ${name}, one release or the other runs whole`, {
    name: `update with ${name}`,
    args: ['--yes', '--soak', '2s', ...args],
    script: UPDATE,
    check: updateAndCheck,
    moreWays: dies,
    sample: { changes: 2, reads: 1, first },
    given,
  });
}
