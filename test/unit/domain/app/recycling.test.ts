import { expect, it } from 'vitest';
import { dropsWhenLeaving, recyclesTogether } from '../../../../lib/domain/app/recycling.ts';
import { web } from '../../../support/update-facts.ts';

const given = (max_requests: number | undefined, max_requests_jitter: number | undefined) => ({
  ...web,
  settings: {
    preload_app: false,
    ...(max_requests === undefined ? {} : { max_requests }),
    ...(max_requests_jitter === undefined ? {} : { max_requests_jitter }),
  },
});

it('workers of one age end together unless chance sets them far apart', () => {
  expect(recyclesTogether(given(1000, 50), 2)).toEqual({ most: 1000, jitter: 50 });
  expect(recyclesTogether(given(1000, undefined), 4)).toEqual({ most: 1000, jitter: 0 });
  expect(recyclesTogether(given(1000, 250), 2)).toBeUndefined();
});

it('says nothing of one worker, of workers that stay, and of settings that are not known', () => {
  expect(recyclesTogether(given(1000, 50), 1)).toBeUndefined();
  expect(recyclesTogether(given(0, 0), 2)).toBeUndefined();
  expect(recyclesTogether(given(undefined, 50), 2)).toBeUndefined();
  expect(recyclesTogether(web, 2)).toBeUndefined();
});

it('threaded workers of gunicorn 21 to 23 drop connections when they leave; what is not known counts as if they did', () => {
  const drops = (gunicorn: string, settings: typeof web.settings) => dropsWhenLeaving({ ...web, gunicorn, settings });
  const threaded = { worker_class: 'gthread', threads: 4 };
  expect(['20.1.0', '21.2.0', '22.0.0', '23.0.0', '24.0.0', '', 'unknown'].filter((v) => drops(v, threaded))).toEqual([
    '21.2.0',
    '22.0.0',
    '23.0.0',
  ]);
  const kinds = [
    'sync',
    'gthread',
    'gevent',
    'gunicorn.workers.ggevent.GeventWorker',
    'own.Worker',
    'uvicorn.workers.UvicornWorker',
  ];
  expect(kinds.filter((worker_class) => drops('23.0.0', { worker_class, threads: 1 }))).toEqual([
    'gthread',
    'own.Worker',
  ]);
  expect(drops('23.0.0', { worker_class: 'sync', threads: 2 })).toBe(true);
  expect(drops('23.0.0', { worker_class: 'sync' })).toBe(true);
  expect(drops('23.0.0', undefined)).toBe(true);
  expect(dropsWhenLeaving(web)).toBe(false);
});
