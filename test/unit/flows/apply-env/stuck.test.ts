import { expect, it } from 'vitest';
import { stuckOf } from '../../../../lib/flows/apply-env/survey.ts';

const has = { MAIL_HOST: 'mail', LANG: 'C.UTF-8' };

it.each([
  ['a container of its image as it was built', { byImage: { LANG: 'C.UTF-8' }, hasDrifted: false }, []],
  ['one that was hot-updated', { byImage: { LANG: 'C.UTF-8' }, hasDrifted: true }, ['MAIL_HOST']],
  ['one of an image that was made of a container', { byImage: has, hasDrifted: false }, ['MAIL_HOST']],
])('knows what stays of %s, and not for what the image has by itself', (_what, container, stuck) =>
  expect(stuckOf(['MAIL_HOST', 'LANG'], { has, file: { LANG: 'zh_CN.UTF-8' }, ...container })).toEqual(stuck),
);
