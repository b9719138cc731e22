import { expect, it } from 'vitest';
import { stuckOf } from '../../../../lib/flows/apply-env/survey.ts';

const has = { MAIL_HOST: 'mail', LANG: 'C.UTF-8' };

it.each([
  ['a container of its image as it was built', { LANG: 'C.UTF-8' }, []],
  ['one of an image that has a container’s variables', has, ['MAIL_HOST']],
])('knows what stays of %s, and not for what the image has by itself', (_what, byImage, stuck) =>
  expect(stuckOf(['MAIL_HOST', 'LANG'], { has, file: { LANG: 'zh_CN.UTF-8' }, byImage })).toEqual(stuck),
);
