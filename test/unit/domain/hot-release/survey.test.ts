import { expect, it } from 'vitest';
import type { Program } from '../../../../lib/domain/app/programs.ts';
import { runsOlder } from '../../../../lib/domain/hot-release/survey.ts';
import { program, scheduler, updateFacts, web } from '../../../support/update-facts.ts';

const RELEASED = 90;
const OLD = [{ pid: 31, start: 80 }];
const [queue, third] = [program('queue', { argv: ['/app/.venv/bin/python', 'worker.py'] }), program('metrics')];

it.each<[what: string, older: boolean, more: readonly Program[]]>([
  ['nothing', false, []],
  ['a worker of the web program', true, [{ ...web, workers: OLD }]],
  ['the scheduler', true, [{ ...scheduler, workers: OLD }]],
  ['a master alone, which loads no code', false, [{ ...scheduler, start: 80 }]],
  ['a queue\u2019s worker', true, [{ ...queue, start: 80 }]],
  ['a child of a queue\u2019s worker, which may make them whenever it likes', false, [{ ...queue, workers: OLD }]],
  ['a third gunicorn', true, [{ ...third, workers: OLD }]],
  ['one that does not run', false, [{ ...third, state: 'STOPPED', start: 0, workers: [] }]],
])('%s was started before the files were put in place: %s', (_what, older, more) => {
  const all = [web, scheduler, queue, third].map((p) => more.find(({ name }) => name === p.name) ?? p);
  const [first = web, ...companions] = all;
  const programs = { ...updateFacts().programs, all, web: first, companions, released: RELEASED };
  expect(runsOlder(programs)).toBe(older);
});
