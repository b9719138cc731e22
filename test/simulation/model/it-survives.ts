import { expect, it } from 'vitest';
import { type Scenario, type Sweep, sweep } from './sweep.ts';

/** For all points: `SIMULATION=full` takes minutes, on a busy machine many. */
const timeout = 7_200_000;

/** Whatever command goes wrong: what must be so is so, and nobody has to help. */
export function itSurvives(title: string, { name, ...scenario }: Scenario & { readonly name: string }): void {
  it(
    title,
    async () => {
      const result = await sweep(scenario);
      console.log(summary(name, result));
      expect(result).toMatchObject({ broken: [], missed: [], needsPerson: [] });
      if (!process.env.SIMULATION) expect(result.tried).toBe(scenario.sample.changes + scenario.sample.reads);
    },
    timeout,
  );
}

function summary(name: string, { commands, tried, exitCodes }: Sweep): string {
  const codes = [...exitCodes].sort(([a], [b]) => a - b).map(([code, number]) => `${number} × ${code}`);
  return `${name}: ${commands} commands, ${tried} points tried; exit codes ${codes.join(', ')}`;
}
