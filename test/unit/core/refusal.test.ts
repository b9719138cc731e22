import { expect, it } from 'vitest';
import { agree } from '../../../lib/core/refusal.ts';

const QUESTION = { en: 'Go on?', zh: '是否继续?' };
const answering = (yes: boolean) => ({ askYes: async () => yes });

it('goes on after a yes', async () => {
  await expect(agree(answering(true), QUESTION)).resolves.toBeUndefined();
});

it('ends with exit code 4 after a no, and says what a run without a terminal needs', async () => {
  await expect(agree(answering(false), QUESTION)).rejects.toMatchObject({
    kind: 'declined',
    exitCode: 4,
    next: [{ en: expect.stringContaining('--yes') }],
  });
});
