import { expect, it } from 'vitest';
import { bringFreezer } from '../../../../lib/domain/app/freezer.ts';
import { testOps } from '../../../support/ops.ts';

/** A container whose programs stand still or go on; the first few programs that are sent in answer so many orders and die then. */
function world(dies: readonly number[] = []) {
  const state = { frozen: false, inside: 0 };
  let sent = 0;
  const ops = testOps(({ argv }) => {
    if (!argv.includes('-c')) return undefined;
    let left = dies[sent] ?? Infinity;
    sent += 1;
    state.inside += 1;
    let begun = false;
    return {
      talk: {
        answer: (line) => {
          if (!begun) {
            begun = true;
            expect(JSON.parse(line)).toContain('tell(pid, "STOP")');
            return '{"ready": true}';
          }
          left -= 1;
          if (left < 0) return undefined;
          state.frozen = (JSON.parse(line) as { freeze: boolean }).freeze;
          return '{"frozen": 3, "moving": 0}';
        },
        end: () => {
          state.frozen = false;
          state.inside -= 1;
        },
      },
    };
  });
  return { ops, state, calls: () => ops.scripted.calls.map((c) => c.argv.join(' ')) };
}

it('has the programs stand still, and go on', async () => {
  const { ops, state, calls } = world();
  const freezer = await bringFreezer(ops, 'app');
  expect(state).toEqual({ frozen: false, inside: 1 });
  expect(await freezer.freeze()).toEqual({ frozen: 3, moving: 0 });
  expect(state.frozen).toBe(true);
  await freezer.thaw();
  expect(state.frozen).toBe(false);
  await freezer.end();
  expect(state.inside).toBe(0);
  expect(calls()).toEqual([expect.stringMatching(/^docker exec -i -u 0 app \S+python -c import json, sys; /)]);
  expect(ops.written).toMatchObject([{ event: 'intent' }, { event: 'result' }]);
});

it('has them go on, and ends, also on a full disk', async () => {
  const { ops, state } = world();
  const freezer = await bringFreezer(ops, 'app');
  await freezer.freeze();
  ops.journal.write = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  await freezer.end();
  expect(state).toEqual({ frozen: false, inside: 0 });
});

it('lets them go on by another program when its own has died in there', async () => {
  const { ops, state, calls } = world([1]);
  const freezer = await bringFreezer(ops, 'app');
  await freezer.freeze();
  state.frozen = true;
  await freezer.thaw();
  expect(state.frozen).toBe(false);
  expect(calls()).toHaveLength(2);
});

it('lets them go on when it is let go of', async () => {
  const { ops, state } = world();
  const freezer = await bringFreezer(ops, 'app');
  await freezer.freeze();
  await freezer.end();
  expect(state).toEqual({ frozen: false, inside: 0 });
});
