import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
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
    bind('site.conf', '/etc/odd & \\1|name.conf'),
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
  const { calls } = ops.scripted;
  // What each tar would bring, by tar itself.
  const packed = calls
    .filter(({ argv }) => argv[0] === 'tar')
    .map(({ argv: [program = '', ...words] }) =>
      execFileSync('tar', ['-t', '--quoting-style=literal'], { input: execFileSync(program, words), encoding: 'utf8' })
        .trim()
        .split('\n'),
    );
  expect(packed).toEqual([
    ['etc/nginx/ssl/', 'etc/nginx/ssl/cert.pem'],
    ['etc/odd & \\1|name.conf'],
    ['run/secrets/token'],
  ]);
  expect(calls.filter(({ argv }) => argv[0] === 'docker').map((c) => c.argv.join(' '))).toEqual(
    packed.map(() => 'docker cp - c1:/'),
  );
  expect(readdirSync(ops.paths.run)).not.toContain('mounted.tar');
  expect(ops.shown.map((e) => ('text' in e ? e.text?.en : ''))).toEqual([
    expect.stringMatching(/nothing at \/large, .* too large/),
    expect.stringMatching(/nothing at \/gone, .* no file or directory/),
    expect.stringMatching(/nothing at \/run\/secrets\/inline, .* from a variable/),
  ]);
});

it('says what could not be copied, and goes on', async () => {
  const ops = testOps(({ argv }) => (argv[0] === 'docker' ? { exitCode: 1, stderr: 'no space left on device' } : {}));
  const source = path.join(ops.target.dir, 'cert.pem');
  writeFileSync(source, 'x');
  await copyMounted(ops, [{ kind: 'bind', source, target: '/etc/cert.pem', readOnly: true }], 'c1');
  expect(ops.shown.map((e) => ('text' in e ? e.text?.en : ''))).toEqual([
    expect.stringMatching(/nothing at \/etc\/cert.pem, .* could not be copied/),
  ]);
});
