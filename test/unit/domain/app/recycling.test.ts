import { expect, it } from 'vitest';
import { recyclesTogether } from '../../../../lib/domain/app/recycling.ts';
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
