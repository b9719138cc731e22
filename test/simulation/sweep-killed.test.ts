import { production } from './model/deployment.ts';
import { keepsData, runAndCheck, thenFailing } from './model/invariants.ts';
import { itSurvives } from './model/it-survives.ts';
import { NEW_REVISION, release } from './model/release.ts';

const KINDS = [
  { how: 'when it is tried', bad: { exitsAtStart: true }, data: ['keep'] },
  { how: 'in its place', bad: { exitsInPlace: true }, data: ['keep'] },
  {
    how: 'in its place, with its data deleted',
    bad: { exitsInPlace: true },
    data: ['delete', '--confirm', 'DELETE ALL DATA'],
  },
];

for (const { how, bad, data } of KINDS) {
  itSurvives(`wherever a rebuild is killed, and the next one fails ${how}, nothing is lost`, {
    name: `killed, then failing ${how}`,
    args: ['--yes', '--data', ...data],
    check: thenFailing(bad, runAndCheck),
    ...(data.length === 1 && { kept: keepsData }),
    ways: ['killed', 'killed-after', 'dies', 'dies-after'],
    sample: { changes: 2, reads: 1 },
    async given(made) {
      await production(made);
      made.machine.release = release('new', { head: NEW_REVISION });
    },
  });
}
