import { AREAS, type Area } from '../../core/journal.ts';
import { entriesOf, type Run } from './runs.ts';

/** What of production a script's own deed proves when it succeeds. Journals of earlier versions do not say, and are read by it. */
export const PROVES = {
  'deploy-prod-all': AREAS,
  /** By an image. Hot, it proves what a hot update does. */
  'rollback-prod': AREAS,
  'update-prod-flask': ['release', 'app'],
  'apply-env': ['app', 'env'],
  'restore-prod': ['database'],
  'upgrade-postgres': ['stores', 'app'],
} as const satisfies Readonly<Record<string, readonly Area[]>>;

/** What a way back is about: it makes the rest good, and leaves it as it was when it is killed. */
export const ROLLBACK_OWES = ['release', 'app'] as const satisfies readonly Area[];

const planOf = (run: Run) => entriesOf(run, 'plan').at(-1);

/** The last step of its plan, of its script: what is owed where nothing of production is. */
const endOf = (run: Run): string => `${run.script} ${planOf(run)?.steps.at(-1) ?? ''}`;

/** Areas that its success proves. Without a plan it did nothing, or nothing to production. */
function areasOf(run: Run): readonly string[] {
  const plan = planOf(run);
  if (plan === undefined || plan.aside) return [];
  return plan.proves ?? PROVES[run.script as keyof typeof PROVES] ?? [];
}

/** Areas that it leaves unproved when it does not come to its end; none: it did not get to change production. */
export function owedBy(run: Run): readonly string[] {
  const plan = planOf(run);
  if (plan?.owes) return plan.owes;
  const isOld = plan?.proves === undefined && run.script === 'rollback-prod';
  return isOld && plan ? ROLLBACK_OWES : areasOf(run);
}

/** What was proved since a run, told from the newest on. */
export class Proofs {
  readonly #areas = new Set<string>();
  /** Scripts whose own deed succeeded, and ends that were come to. */
  readonly #others = new Set<string>();

  /** A run that is older than all before it. Only a success proves anything. */
  add(run: Run): void {
    if (run.state.kind !== 'ended' || run.state.exitCode !== 0) return;
    const areas = areasOf(run);
    for (const area of areas) this.#areas.add(area);
    if (areas.length > 0) this.#others.add(run.script);
    this.#others.add(endOf(run)).add(`${run.script} `);
  }

  has = (area: Area): boolean => this.#areas.has(area);

  /** All of production: whatever came before does not matter any more. */
  get whole(): boolean {
    return AREAS.every(this.has);
  }

  /** All that it owes was proved; of one that owes nothing of production, the same was done since, or its script's own deed. */
  isGood(run: Run): boolean {
    const owed = owedBy(run);
    if (owed.length > 0) return owed.every((area) => this.#areas.has(area));
    return this.#others.has(endOf(run)) || this.#others.has(run.script);
  }
}
