import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Text } from '../../core/text.ts';
import type { Asked, Value } from './facts.ts';

/** A question that is asked when somebody wants to know, and once. */
export type Later<T> = () => Promise<T>;

export function later<T>(ask: () => Promise<T>): Later<T> {
  let once: Promise<T> | undefined;
  return () => {
    once ??= ask();
    return once;
  };
}

/** What a question gives, or why it gives nothing. Only an interruption gets through: a doctor that falls ill helps nobody. */
export async function asked<T>(ops: Pick<Ops, 'signal'>, question: () => Promise<T> | T): Promise<Asked<T>> {
  try {
    return { known: true, value: await question() };
  } catch (error) {
    ops.signal.throwIfAborted();
    return unknown(firstLines(whatHappened(error)));
  }
}

/** The same of a question that stands on others; when one of them is not known, it is not asked. */
export async function askedOf<const D extends readonly Later<Asked<unknown>>[], T>(
  ops: Pick<Ops, 'signal'>,
  stands: D,
  question: (...known: { [I in keyof D]: Value<Awaited<ReturnType<D[I]>>> }) => Promise<T> | T,
): Promise<Asked<T>> {
  const on = await Promise.all(stands.map((stand) => stand()));
  for (const one of on) if (!one.known) return one;
  const values = on.map((one) => (one as { value: unknown }).value);
  return asked(ops, () => question(...(values as never)));
}

export const unknown = (why: Text): Asked<never> => ({ known: false, why });

const LINES = 3;
const firstLines = ({ en, zh }: Text): Text => ({ en: cut(en), zh: cut(zh) });
const cut = (text: string): string => text.split('\n').slice(0, LINES).join('\n').slice(0, 500);
