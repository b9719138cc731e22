import { beforeEach, expect, it } from 'vitest';
import type { Screen } from '../../../../lib/core/screen.ts';
import { same } from '../../../../lib/core/text.ts';
import { withElapsed } from '../../../../lib/runs/terminal/elapsed.ts';

let lines: string[];
let now: number;
let ticking: (() => void) | undefined;
let screen: Screen;

beforeEach(() => {
  lines = [];
  now = 0;
  ticking = undefined;
  const inner: Screen = {
    language: 'en',
    show: () => undefined,
    progress: (text) => void lines.push(text.en.trim()),
    showSecret: () => false,
    askPhrase: async () => 'typed',
    askChoice: async () => undefined,
    askYes: async () => {
      pass(5);
      return true;
    },
  };
  screen = withElapsed(inner, { monotonic: () => now }, (_ms, tick) => {
    ticking = tick;
    return () => {
      ticking = undefined;
    };
  });
});

function pass(seconds: number): void {
  for (let i = 0; i < seconds; i += 1) {
    now += 1000;
    ticking?.();
  }
}

const step = () => screen.show({ event: 'step', id: 'a', number: 1, of: 2, title: same('a') });
const ends = (outcome: 'done' | 'failed' | 'undone') =>
  screen.show({ event: 'step-end', id: 'a', outcome, milliseconds: 1 });

it('says for how long a step has been under way, and nothing after it', () => {
  step();
  pass(3);
  ends('done');
  pass(3);
  expect(lines).toEqual(['… 1 s', '… 2 s', '… 3 s']);
});

it('leaves a step alone that says itself how far it is', () => {
  step();
  for (let i = 0; i < 6; i += 1) {
    screen.progress(same('40 %'));
    now += 500;
    if (i % 2) ticking?.();
  }
  expect(new Set(lines)).toEqual(new Set(['40 %']));
});

it('counts the undoing from its own beginning, to the end of the run', () => {
  step();
  pass(2);
  ends('failed');
  pass(2);
  ends('undone');
  pass(2);
  screen.show({ event: 'result', exitCode: 1, verdict: '' });
  pass(2);
  expect(lines).toEqual(['… 1 s', '… 2 s', '… 1 s', '… 2 s', '… 1 s', '… 2 s']);
});

it('writes over no question', async () => {
  step();
  expect(await screen.askYes(same('go on?'))).toBe(true);
  expect(lines).toEqual([]);
  pass(2);
  expect(lines).not.toEqual([]);
});

it('says beside it what visitors notice, before what the step says itself', () => {
  let requests: { sent: number; failed: number; longest: number } | undefined;
  const told = withElapsed(
    { ...screen, show: () => undefined, progress: (text) => void lines.push(text.en.trim()) },
    { monotonic: () => now },
    (_ms, tick) => {
      ticking = tick;
      return () => undefined;
    },
    () => requests,
  );
  told.show({ event: 'step', id: 'a', number: 1, of: 1, title: same('a') });
  pass(1);
  requests = { sent: 40, failed: 2, longest: 1_240 };
  pass(1);
  told.progress(same('      40 %'));
  expect(lines).toEqual([
    '… 1 s',
    '40 requests, 2 failed, longest wait 1.2 s | … 2 s',
    '40 requests, 2 failed, longest wait 1.2 s | 40 %',
  ]);
});
