import { expect, it } from 'vitest';
import { CHECKS } from '../../../../lib/flows/doctor/checks.ts';
import { ALL } from '../../../e2e/doctor/faults.ts';
import { REAL } from '../../../e2e/doctor/real-faults.ts';

it('every check has a fault that is made on a real stack and has to be named first', () => {
  const found = new Set([...ALL, ...REAL].map(({ finds }) => finds));
  // That one needs a start without an engine: doctor.e2e.test.ts has it by itself.
  found.add('engine.answers');
  expect(CHECKS.map(({ id }) => id).filter((id) => !found.has(id))).toEqual([]);
});
