import { describe, expect, it } from 'vitest';
import { OpsError } from '../../../../lib/core/errors.ts';
import type { Release } from '../../../../lib/domain/ledger/releases.ts';
import { choicesOf, chooseWay, findChoice } from '../../../../lib/flows/rollback/choices.ts';
import type { Facts } from '../../../../lib/flows/rollback/facts.ts';

const [A, B, C] = ['a1b2c3d4', 'b1b2c3d4', 'c1b2c3d4'].map((s) => s.padEnd(40, '0')) as [string, string, string];
let minute = 0;
const release = (commit: string, more: Partial<Release> = {}): Release => {
  minute += 1;
  const at = `2026-01-02T03:${String(minute % 60).padStart(2, '0')}:00Z`;
  return { at, kind: 'hot', commit, subject: 'A change', imageId: 'sha256:base', run: `run-${minute}`, ...more };
};
const full = (commit: string, imageId: string, more: Partial<Release> = {}) =>
  release(commit, { kind: 'rebuild', imageId, ...more });

/** A full, then B hot: B runs. */
function world(more: Partial<Facts> = {}): Facts {
  const releases = more.releases ?? [full(A, 'sha256:a'), release(B, { imageId: 'sha256:a' })];
  return {
    running: releases.at(-1)?.commit,
    serving: true,
    cutShort: undefined,
    releases,
    images: new Set(['sha256:a']),
    kept: new Map(),
    rebuild: new Map(releases.map((r) => [r.commit, []])),
    backups: new Set(),
    ...more,
  };
}
const refusal = (deed: () => unknown): OpsError => {
  try {
    deed();
  } catch (error) {
    if (error instanceof OpsError) return error;
    throw error;
  }
  throw new Error('not refused');
};
const why = { path: 'uv.lock', why: { en: 'changed', zh: '已变更' } };

describe('which releases can be gone back to', () => {
  it('hot, where only files differ; by image, where it is still there', () => {
    const [b, a] = choicesOf(world());
    expect(b).toMatchObject({ runsNow: true });
    expect(a).toMatchObject({ runsNow: false, hot: { open: true }, image: { open: true, with: { id: 'sha256:a' } } });
  });

  it('never by the image under a hot update: that holds another release', () => {
    const facts = world({ running: A });
    expect(choicesOf(facts).find((c) => c.release.commit === B)?.image).toMatchObject({
      open: false,
      why: { en: 'it has no image of its own' },
    });
  });

  it('by what a later rebuild kept of a container that had been hot-updated', () => {
    const later = full(C, 'sha256:c', { previousImage: 'app:before-1', previousCommit: B });
    const releases = [full(A, 'sha256:a'), release(B), later];
    const kept = new Map([['app:before-1', 'sha256:committed']]);
    const image = (facts: Facts, commit: string) => choicesOf(facts).find((c) => c.release.commit === commit)?.image;
    expect(image(world({ releases, kept }), B)).toEqual({ open: true, with: { id: 'sha256:committed' } });
    expect(image(world({ releases, kept }), A)).toEqual({ open: true, with: { id: 'sha256:a' } });
    expect(image(world({ releases }), B)).toMatchObject({ open: false, why: { en: 'its image was removed' } });
    // An older ledger does not say which commit it was: the entry before.
    const { previousCommit: _, ...silent } = later;
    expect(image(world({ releases: [...releases.slice(0, 2), silent], kept }), B)?.open).toBe(true);
  });

  it('says why not', () => {
    const hot = (more: Partial<Facts>) => choicesOf(world(more)).find((c) => c.release.commit === A)?.hot;
    expect(hot({ rebuild: new Map([[A, [why]]]) })).toMatchObject({
      open: false,
      why: { en: expect.stringContaining('uv.lock') },
    });
    expect(hot({ rebuild: new Map() })).toMatchObject({
      open: false,
      why: { en: expect.stringContaining('not in the repository') },
    });
    expect(hot({ serving: false })).toMatchObject({ open: false });
  });

  it('suggests the first backup that was made after it and still is there', () => {
    const releases = [full(A, 'sha256:a'), release(B), release(C, { backup: '/b/2' }), release(A, { backup: '/b/3' })];
    const backup = (backups: string[], commit: string) =>
      choicesOf(world({ releases, backups: new Set(backups) })).find((c) => c.release.commit === commit)?.backup;
    expect(backup(['/b/2', '/b/3'], B)).toBe('/b/2');
    expect(backup(['/b/3'], B)).toBe('/b/3');
    expect(backup(['/b/2', '/b/3'], A)).toBeUndefined(); // the last time that it ran counts
  });
});

describe('which release is meant', () => {
  it('by the beginning of its commit, or the one before', () => {
    expect(findChoice(world(), 'A1B2').release.commit).toBe(A);
    expect(findChoice(world(), 'previous').release.commit).toBe(A);
    // After going back, the one before is the one that was left.
    const back = [full(A, 'sha256:a'), release(B), release(A, { kind: 'rollback', way: 'hot' })];
    expect(findChoice(world({ releases: back }), 'previous').release.commit).toBe(B);
  });

  it('by the same word again after a way back that was cut short, though its files are in place', () => {
    expect(findChoice(world({ running: A, cutShort: 'back' }), 'previous').release.commit).toBe(A);
    // Not after an update that was cut short: that one is to be left.
    const third = [full(C, 'sha256:c'), full(A, 'sha256:a'), release(B)];
    expect(findChoice(world({ releases: third, running: A, cutShort: 'other' }), 'previous').release.commit).toBe(C);
    expect(findChoice(world({ running: C, cutShort: 'other' }), 'previous').release.commit).toBe(B);
  });

  it.each([['dead'], ['b1b2c3d4'], [''], ['a1b'], ['-'], ['sha256:a'], ['zzzzzz'], ['.*..']])(
    'refuses %j',
    (wanted) => {
      expect(refusal(() => findChoice(world(), wanted)).exitCode).toBe(3);
    },
  );

  it('refuses what fits several, naming them, and `previous` where nothing came before', () => {
    const releases = [full('abcd1'.padEnd(40, '0'), 'x'), full('abcd2'.padEnd(40, '0'), 'y'), release(B)];
    const error = refusal(() => findChoice(world({ releases }), 'abcd'));
    expect(error.what.en).toContain('abcd20000000, abcd10000000');
    expect(error.what.zh).toContain('abcd1');
    expect(refusal(() => findChoice(world({ releases: [full(A, 'x')] }), 'previous')).exitCode).toBe(3);
    expect(refusal(() => findChoice(world({ releases: [] }), 'previous')).exitCode).toBe(3);
  });
});

describe('the way', () => {
  const choice = (more: Partial<Facts> = {}) => findChoice(world(more), 'a1b2');
  it('is the gentlest that is open', () => {
    expect(chooseWay(choice(), 'auto', false)).toBe('hot');
    expect(chooseWay(choice(), 'image', false)).toBe('image');
    expect(chooseWay(choice({ rebuild: new Map([[A, [why]]]) }), 'auto', false)).toBe('image');
  });

  it('is never hot with data: the one code would serve on the data of the other', () => {
    expect(chooseWay(choice(), 'auto', true)).toBe('image');
    expect(refusal(() => chooseWay(choice(), 'hot', true)).kind).toBe('precondition');
    expect(refusal(() => chooseWay(choice({ images: new Set() }), 'auto', true)).kind).toBe('precondition');
  });

  it('is refused with the reasons of both', () => {
    const error = refusal(() => chooseWay(choice({ images: new Set(), serving: false }), 'auto', false));
    expect(error.what.en).toMatch(/hot: .*image: its image was removed/);
    expect(error.next[0]?.en).toContain(`git checkout ${A}`);
  });
});

it('goes back to what seems to run only after a run that did not end', () => {
  expect(refusal(() => findChoice(world(), B))).toMatchObject({ kind: 'precondition' });
  expect(findChoice(world({ cutShort: 'other' }), B).release.commit).toBe(B);
});
