import type { Recovery } from '../../runs/steps/steps.ts';
import type { Facts } from './facts.ts';

/** How a later process finishes or undoes this update: by commits, because branches move. */
export function ways({ running, source }: Facts): Pick<Recovery, 'also' | 'back'> {
  const { commit } = running;
  return {
    also: [`--ref=${source.commit}`],
    ...(commit === undefined ? {} : { back: { script: 'update-prod-flask', args: [`--ref=${commit}`] } }),
  };
}
