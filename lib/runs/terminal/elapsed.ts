import type { Clock } from '../../core/ops.ts';
import type { Screen } from '../../core/screen.ts';
import { same, seconds, type Text } from '../../core/text.ts';
import type { World } from '../../core/world.ts';
import type { RequestRecord } from '../../domain/ledger/requests.ts';

const EVERY_MS = 1000;
/** A step that says itself how far it is says so more often than this. */
const SAYS_NOTHING_MS = 1500;

/** What visitors noticed until now. */
type RequestsSoFar = RequestRecord['soFar'];

/** It comes first: of a line that does not fit, the end is cut. */
function requestsText(requests: RequestsSoFar): Text | undefined {
  if (requests === undefined) return undefined;
  const { sent, failed, longest } = requests;
  return {
    en: `      ${sent} requests, ${failed} failed, longest wait ${seconds(longest)} | `,
    zh: `      请求 ${sent}, 失败 ${failed}, 最长等待 ${seconds(longest)} | `,
  };
}

/**
 * A screen that says for how long a step, or its undoing, has been under way: from far away nobody can tell a long one from a dead
 * one. Lines that pass, so only on a terminal and in no log.
 */
export function withElapsed(
  screen: Screen,
  clock: Pick<Clock, 'monotonic'>,
  every: World['every'],
  requests: () => RequestsSoFar = () => undefined,
): Screen {
  let stop: (() => void) | undefined;
  let said = Number.NEGATIVE_INFINITY;
  const tell = (text: Text) => {
    const before = requestsText(requests());
    screen.progress(before ? { en: before.en + text.en.trim(), zh: before.zh + text.zh.trim() } : text);
  };
  const end = () => {
    stop?.();
    stop = undefined;
  };
  const begin = () => {
    end();
    const started = clock.monotonic();
    stop = every(EVERY_MS, () => {
      if (clock.monotonic() - said < SAYS_NOTHING_MS) return;
      tell(same(`      … ${Math.floor((clock.monotonic() - started) / 1000)} s`));
    });
  };
  const quietly = async <T>(question: () => Promise<T>): Promise<T> => {
    const was = stop !== undefined;
    end();
    const answer = await question();
    if (was) begin();
    return answer;
  };
  return {
    ...screen,
    show(event) {
      if (event.event === 'step') begin();
      else if (event.event === 'result') end();
      else if (event.event === 'step-end') event.outcome === 'done' ? end() : begin(); // what failed is undone next
      screen.show(event);
    },
    progress(text) {
      said = clock.monotonic();
      tell(text);
    },
    askPhrase: (question) => quietly(() => screen.askPhrase(question)),
    askChoice: (question, choices) => quietly(() => screen.askChoice(question, choices)),
    askYes: (question) => quietly(() => screen.askYes(question)),
  };
}
