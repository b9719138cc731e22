import { confirm, input, select } from '@inquirer/prompts';

/** A prompt that ends with the input (Ctrl-D, closed terminal) or with Ctrl-C is "no answer". */
async function orNoAnswer<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && /^(ExitPromptError|AbortPromptError)$/.test(error.name)) return undefined;
    throw error;
  }
}

export const phrase = (message: string): Promise<string | undefined> => orNoAnswer(input({ message }));

export const yes = (message: string): Promise<boolean | undefined> => orNoAnswer(confirm({ message, default: false }));

export const choice = <V extends string>(
  message: string,
  choices: readonly { value: V; name: string }[],
): Promise<V | undefined> => orNoAnswer(select({ message, choices: [...choices] }));
