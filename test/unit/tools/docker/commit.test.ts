import { expect, it } from 'vitest';
import { commitContainer } from '../../../../lib/tools/docker/commit.ts';
import { testOps } from '../../../support/ops.ts';
import type { Reply } from '../../../support/scripted-spawn.ts';

const GROWN = 'Error response from daemon: failed to export layer: …/access.log: archive/tar: write too long\n';
const grown: Reply = { exitCode: 1, stderr: GROWN };

/** Commits, with these answers of the engine one after the other. @returns what was typed, and how it ended. */
async function commit(...replies: Reply[]) {
  const ops = testOps(() => replies.shift() ?? {});
  const ended = await commitContainer(ops, 'c', 'app:before', ['LABEL "a"="b"']).then(
    () => 'made',
    (error: Error) => error.message,
  );
  return [ops.scripted.calls.map((c) => c.argv.join(' ')), ended];
}

const RUNNING = 'docker commit --pause=false --change LABEL "a"="b" c app:before';
const PAUSED = 'docker commit --change LABEL "a"="b" c app:before';

it('does not pause what serves', async () => {
  expect(await commit()).toEqual([[RUNNING], 'made']);
});

it('does it again when a file had grown meanwhile, and pauses only in the end', async () => {
  expect(await commit(grown)).toEqual([[RUNNING, RUNNING], 'made']);
  expect(await commit(grown, grown, grown)).toEqual([[RUNNING, RUNNING, RUNNING, PAUSED], 'made']);
});

it('gives up on anything else, and on a paused one', async () => {
  const full = { exitCode: 1, stderr: 'Error response from daemon: no space left on device\n' };
  expect(await commit(full)).toEqual([[RUNNING], expect.stringContaining('no space left')]);
  expect(await commit(grown, grown, grown, grown)).toMatchObject([{ length: 4 }, expect.stringContaining('too long')]);
});
