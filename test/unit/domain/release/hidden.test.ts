import { describe, expect, it } from 'vitest';
import { targetFor } from '../../../../lib/core/target.ts';
import { hiddenBy, hiddenText, keepHidden } from '../../../../lib/domain/release/hidden.ts';
import type { Mount } from '../../../../lib/tools/docker/places.ts';

const target = targetFor('/opt/whalefall', {
  release: { ...targetFor('/x').release, kept: ['.env', '.venv', 'plugins'] },
});
const FILES = [
  'app.py',
  'frontend/dist/index.html',
  'frontend/dist/assets/a.js',
  'plugins/a.py',
  'frontend/distant.md',
];
const at = (where: string, kind: Mount['kind'] = 'volume'): Mount => ({ kind, source: 'front', target: where });
const found = (...mounts: Mount[]) => hiddenBy(target, mounts, FILES);

it('sees a mount over files of the release, of whatever kind', () => {
  for (const kind of ['volume', 'bind', 'own'] as const)
    expect(found(at('/app/frontend/dist', kind))).toEqual([
      { mount: at('/app/frontend/dist', kind), files: 2, built: [], isKept: false },
    ]);
  expect(found(at('/app/app.py', 'bind'))).toMatchObject([{ files: 1 }]);
  expect(found(at('/app/'))).toMatchObject([{ files: 5, isKept: false }]);
});

it('sees none elsewhere, beside, or over userdata', () => {
  expect(found(at('/etc/nginx/ssl'), at('/app/userdata'), at('/app/userdata/exports'), at('/app/.env'))).toEqual([]);
  expect(found(at('/app/front'), at('/'))).toEqual([]);
});

it('knows what the configuration says of it', () => {
  expect(found(at('/app/plugins'))).toMatchObject([{ files: 1, isKept: true }]);
});

describe('what is built, and not in git', () => {
  const SOURCES = ['app.py', 'frontend/src/main.ts'];
  const over = (...mounts: Mount[]) => hiddenBy(target, mounts, SOURCES);

  it('is hidden by a mount over it, in it, or around it', () => {
    for (const [where, files, built] of [
      ['/app/frontend/dist', 0, '/app/frontend/dist'],
      ['/app/frontend/dist/assets', 0, '/app/frontend/dist/assets'],
      ['/app/frontend', 1, '/app/frontend/dist'],
    ] as const)
      expect(over(at(where))).toEqual([{ mount: at(where), files, built: [built], isKept: false }]);
    const [hidden] = over(at('/app/frontend/dist'));
    expect(hidden && hiddenText(hidden).en).toBe(
      '/app/frontend/dist is mounted (front), and hides what is built in /app/frontend/dist. What is there is not released.',
    );
  });

  it('is not what nothing is built from', () => {
    expect(hiddenBy(target, [at('/app/frontend/dist')], ['app.py'])).toEqual([]);
    expect(over(at('/app/frontend/distant'))).toEqual([]);
  });

  it('is left alone where the configuration says so', () => {
    const kept = targetFor('/opt/whalefall', { release: { ...target.release, kept: ['frontend/dist/assets'] } });
    expect(hiddenBy(kept, [at('/app/frontend/dist/assets')], SOURCES)).toMatchObject([{ isKept: true }]);
    expect(hiddenBy(kept, [at('/app/frontend/dist')], SOURCES)).toMatchObject([{ isKept: false }]);
  });
});

it('says what is hidden, and how it is left alone on purpose', () => {
  const [hidden] = found(at('/app/frontend/dist'));
  if (!hidden) throw new Error('nothing found');
  expect(hiddenText(hidden).en).toBe(
    '/app/frontend/dist is mounted (front), and hides 2 files of the release. What is there is not released.',
  );
  expect(keepHidden(target, hidden).en).toContain('"kept": [".env", ".venv", "frontend/dist"]');
});
