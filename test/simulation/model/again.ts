import type { Deployment, Ended, RunOptions } from './deployment.ts';
import { journals } from './journals.ts';

export type Check = (d: Deployment, args: readonly string[], options: RunOptions) => Promise<Ended>;

/**
 * Whatever went wrong in the first run: it is found and told, and the same command line once more, without any fault, succeeds.
 *
 * @param other the second command line, if it is another one.
 */
export const twice =
  (check: Check, other?: readonly string[]): Check =>
  async (d, args, { fault, ...options }) => {
    const ended = await check(d, args, fault ? { ...options, fault } : options);
    const left = journals(d).at(-1);
    const again = await check(d, other ?? args, options).catch((error: Error) => {
      throw new Error(`run again after exit ${ended.exitCode}: ${error.message}\n---- the first run:\n${ended.text}`);
    });
    const wrong = [
      ...(again.exitCode === 0 || isThere(ended, again) ? [] : [`exit ${again.exitCode}`]),
      ...(left && !left.hasEnd ? told(left, again) : []),
    ];
    if (wrong.length === 0) return ended;
    const said = `${wrong.join('; ')}\n\n${again.text}\n---- the first run:\n${ended.text}`;
    throw new Error(`run again after exit ${ended.exitCode}: ${said}`);
  };

/** There is no going back to what runs. */
const isThere = (ended: Ended, { exitCode, text }: Ended) =>
  ended.exitCode === 0 && exitCode === 3 && / is what runs\.$/m.test(text);

/** The next start names the run that did not end, and the commands of which nobody knows how they ended. */
function told(left: ReturnType<typeof journals>[number], { text }: Ended): string[] {
  const began = left.entries.some((e) => e.event === 'intent');
  const isTold = text.includes(`Run ${left.name} (operator) did not end`);
  const isOpen = text.includes('nobody knows whether it took effect');
  return [
    ...(began === isTold
      ? []
      : [began ? `nobody says that ${left.name} did not end` : 'a run that began nothing is told']),
    ...(left.open.length > 0 === isOpen
      ? []
      : [`open, and ${isOpen ? '' : 'not '}told: ${left.open.join(', ') || '-'}`]),
  ];
}
