import { confirm, input, select } from '@inquirer/prompts';

// To be loaded only when somebody is asked: most runs ask nothing, and it is a tenth of the time that a script takes to start.

/** A prompt that ends with the input (Ctrl-D, closed terminal) or with Ctrl-C is "no answer". */
async function orNoAnswer<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && /^(ExitPromptError|AbortPromptError)$/.test(error.name)) return undefined;
    throw error;
  }
}

export const phrase = (message: string, signal: AbortSignal): Promise<string | undefined> =>
  orNoAnswer(input({ message }, { signal }));

/** @param shown what stands for the answer once it is given. */
export const yes = (
  message: string,
  shown: (answer: boolean) => string,
  signal: AbortSignal,
): Promise<boolean | undefined> => orNoAnswer(confirm({ message, default: false, transformer: shown }, { signal }));

export const choice = <V extends string>(
  message: string,
  choices: readonly { value: V; name: string }[],
  signal: AbortSignal,
): Promise<V | undefined> => orNoAnswer(select({ message, choices: [...choices], theme: KEYS_ONLY }, { signal }));

/** The words beside the keys would be English. */
const KEYS_ONLY = {
  style: {
    keysHelpTip: (keys: readonly (readonly [key: string, action: string])[]) => keys.map(([k]) => k).join('  '),
  },
};
