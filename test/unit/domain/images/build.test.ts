import { expect, it } from 'vitest';
import { failedStep } from '../../../../lib/domain/images/build.ts';

const STEP = ` > [whalefall 5/6] RUN sh scripts/ops/docker/build-image.sh:
0.337 release.json: build_error
0.340 one`;

it.each([
  ['BuildKit of engine 20.10', `#5 ERROR: executor failed\n------\n${STEP}\n------\nfailed to solve: exit code: 1\n`],
  [
    'BuildKit of engine 28',
    `#9 ERROR: process did not complete\n------\n${STEP}\n------\nDockerfile:15\n\n--------------------\n  14 |     COPY . /app/\n  15 | >>> RUN sh\n--------------------\n\nfailed to solve: exit code: 1\n`,
  ],
])('finds what the failed step said: %s', (_which, said) => {
  expect(failedStep(said)).toBe(STEP);
});

it('finds the last lines of a long one, the last of several, and none where none failed', () => {
  const long = Array.from({ length: 40 }, (_, n) => `0.${n} line`).join('\n');
  expect(failedStep(`------\n > [a]:\n${long}\n------\n`).split('\n')).toEqual(
    Array.from({ length: 12 }, (_, n) => `0.${n + 28} line`),
  );
  expect(failedStep(`------\n > [a]:\n0.1 first\n------\n------\n > [b]:\n0.2 second\n------\n`)).toContain('second');
  expect(failedStep('#1 DONE 0.0s\n------\n')).toBe('');
});
