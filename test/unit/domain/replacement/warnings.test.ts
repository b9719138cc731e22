import { expect, it } from 'vitest';
import { targetFor } from '../../../../lib/core/target.ts';
import { replacementWarnings } from '../../../../lib/domain/replacement/warnings.ts';
import type { Facts } from '../../../../lib/domain/stack/deployment.ts';
import { facts } from '../../../support/facts.ts';

const target = targetFor('/srv/shop');
const { stack } = facts();
const said = (more: Partial<Facts>) =>
  replacementWarnings(target, facts(more), 'image')
    .map((w) => w.text.en)
    .join('\n');

it('has nothing to say of a stack that is as it should be', () => expect(said({})).toBe(''));

it.each<[string, Partial<Facts>, RegExp]>([
  [
    'compose’s own words',
    { stack: { ...stack, warnings: ['The "SMTP" variable is not set. Defaulting to a blank string.'] } },
    /uses SMTP, which nothing sets/,
  ],
  ['a changed .env', { envChange: { names: ['LOG_LEVEL'], isKept: true } }, /\.env was changed.*LOG_LEVEL/],
  [
    'one that is not kept',
    { envChange: { names: ['LOG_LEVEL'], isKept: false } },
    /LOG_LEVEL\)\. The former \.env is not/,
  ],
  [
    'a mount over the release',
    {
      hidden: [
        { mount: { kind: 'volume', source: 'shop_code', target: '/app/app' }, files: 3, built: [], isKept: false },
      ],
    },
    /\/app\/app is mounted \(shop_code\), and hides 3 files/,
  ],
  [
    'a service beside it',
    { stack: { ...stack, leftAlone: [{ name: 'worker', code: 'image', runs: true }] } },
    /left alone: worker/,
  ],
])('says %s', (_what, more, words) => expect(said(more)).toMatch(words));
