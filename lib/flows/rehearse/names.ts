import { type Ops, runName } from '../../core/ops.ts';

/**
 * What a drill makes, by name. Plain containers and not a compose project: from the compose file they would get production's fixed names,
 * published ports and volumes, and compose's labels, by which the other scripts find production.
 */
export function namesOf(ops: Pick<Ops, 'paths'>, project: string) {
  const stamp = runName(ops).slice(0, 16).toLowerCase();
  const prefix = `${project}-drill-${stamp}`;
  return {
    network: prefix,
    postgres: `${prefix}-postgres`,
    redis: `${prefix}-redis`,
    /** Runs the migrations. */
    oneOff: `${prefix}-migrate`,
    app: `${prefix}-app`,
    image: `${prefix}:drill`,
  };
}

export type Names = ReturnType<typeof namesOf>;
