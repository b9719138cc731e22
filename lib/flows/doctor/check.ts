import type { Text } from '../../core/text.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import type { Value } from './facts.ts';
import type { Facts } from './gather.ts';

/** A part of the deployment that somebody looks after. */
export type Area = 'engine' | 'serving' | 'release' | 'database' | 'redis' | 'host' | 'ours';

/** What a check found wrong. */
export interface Problem {
  /** `WARN`: works, and should be looked at. `FAIL`: broken, or certain to break at the moment that the check names. */
  readonly level: 'WARN' | 'FAIL';
  /** What was seen: names and numbers, never a value of `.env`. */
  readonly seen: Text;
  /** What mends it: exact commands where there are some. */
  readonly mend: readonly Text[];
  /** A command that does no harm and is undone by itself or by its opposite, for `--fix`; `undefined`: none. */
  readonly fix?: readonly string[] | undefined;
}

/** One thing that can be wrong, in one place: what it is asked of, how it is judged, what it means, what it explains. */
export interface Check {
  /** Stable: people acknowledge it, and programs read it. `area.what`. */
  readonly id: string;
  readonly area: Area;
  /** `next-restart`: serves until a program, a container or the machine is started anew. */
  readonly when: 'now' | 'next-restart';
  /** What is so when all is well. */
  readonly title: Text;
  /** What it means when it is not. */
  readonly meaning: Text;
  /** Checks that fail when this one does, and are then shown below it; `x.*` for all whose id begins so. */
  readonly explains: readonly string[];
  /** The groups of facts that it stands on. */
  readonly ask: readonly (keyof Facts)[];
  /** Groups that it looks at as well, known or not. */
  readonly also: readonly (keyof Facts)[];
  /** Pure. Empty: all is well. Called only when all that it asks for is known. */
  readonly judge: (facts: Facts) => readonly Problem[];
}

type Known<K extends keyof Facts> = { readonly [G in K]: Value<Facts[G]> };

/** What every check may look at: names of containers, and where commands are typed. */
const BASIS = ['at', 'engine', 'stack', 'containers'] as const;

export type Basis = Pick<Facts, (typeof BASIS)[number]>;

interface Written<K extends keyof Facts, M extends keyof Facts>
  extends Omit<Check, 'ask' | 'also' | 'judge' | 'explains' | 'area' | 'when'> {
  /** Default: now. */
  readonly when?: Check['when'];
  readonly ask: readonly K[];
  readonly also?: readonly M[];
  readonly explains?: readonly string[];
  /** @param all also what may be unknown. */
  readonly judge: (known: Known<K>, all: Basis & Pick<Facts, M>) => Problem | readonly Problem[];
}

/** Checks of one area; what a check asks for is there, with its type. */
export const checksOf =
  (area: Area) =>
  <const K extends keyof Facts, const M extends keyof Facts = never>({
    ask,
    also = [],
    judge,
    explains = [],
    when = 'now',
    ...rest
  }: Written<K, M>): Check => ({
    ...rest,
    area,
    when,
    ask,
    also,
    explains,
    judge(facts) {
      const known = Object.fromEntries(ask.map((group) => [group, (facts[group] as { value?: unknown }).value]));
      return [judge(known as Known<K>, facts)].flat();
    },
  });

export const fail = (seen: Text, ...mend: readonly Text[]): Problem => ({ level: 'FAIL', seen, mend });
export const warn = (seen: Text, ...mend: readonly Text[]): Problem => ({ level: 'WARN', seen, mend });
export const WELL: readonly Problem[] = [];

/** The name of a service’s container, as far as it is known. */
export const nameOf = ({ containers }: Basis, role: ServiceRole): string | undefined =>
  containers.known ? containers.value[role]?.name : undefined;

/** The groups of facts that some checks want. */
export const groupsOf = (checks: readonly Check[]): ReadonlySet<keyof Facts> =>
  new Set([...BASIS, ...checks.flatMap(({ ask, also }) => [...ask, ...also])]);
