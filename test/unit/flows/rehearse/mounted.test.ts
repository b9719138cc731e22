import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { copyMounted } from '../../../../lib/flows/rehearse/mounted.ts';
import type { Mount } from '../../../../lib/tools/docker/places.ts';
import { testOps } from '../../../support/ops.ts';

it('copies files and directories that compose mounts read-only, and nothing that can be written to', async () => {
  const ops = testOps(() => ({}));
  const at = (name: string) => path.join(ops.target.dir, name);
  mkdirSync(at('ssl'));
  for (const file of ['ssl/cert.pem', 'site.conf', '.env', 'large']) writeFileSync(at(file), 'x');
  truncateSync(at('large'), 100 * 1024 * 1024);
  const bind = (name: string, target: string, readOnly = true): Mount => ({
    kind: 'bind',
    source: at(name),
    target,
    ...(readOnly && { readOnly }),
  });
  const mounts: Mount[] = [
    bind('ssl', '/etc/nginx/ssl'),
    bind('site.conf', '/etc/site.conf'),
    bind('.env', '/app/.env'),
    bind('ssl', '/app/userdata/ssl'),
    bind('ssl', '/data', false),
    bind('large', '/large'),
    bind('gone', '/gone'),
    { kind: 'volume', source: 'v', target: '/v', readOnly: true },
    bind('.env', '/run/secrets/token'),
    { kind: 'own', source: '', target: '/run/secrets/inline', readOnly: true },
    { kind: 'own', source: '', target: '/tmp' },
  ];
  await copyMounted(ops, mounts, 'c1');
  expect(ops.scripted.calls.map((c) => c.argv.slice(1))).toEqual([
    ['cp', '-L', `${at('ssl')}/.`, 'c1:/etc/nginx/ssl'],
    ['cp', '-L', at('site.conf'), 'c1:/etc/site.conf'],
    ['cp', '-L', at('.env'), 'c1:/run/secrets/token'],
  ]);
  expect(ops.shown.map((e) => ('text' in e ? e.text?.en : ''))).toEqual([
    expect.stringMatching(/nothing at \/large, .* too large/),
    expect.stringMatching(/nothing at \/gone, .* no file or directory/),
    expect.stringMatching(/nothing at \/run\/secrets\/inline, .* from a variable/),
  ]);
});
