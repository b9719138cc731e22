import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { driftIn, environmentOf } from '../../../lib/adhoc/environment.ts';
import { Secret } from '../../../lib/adhoc/secret.ts';
import { targetFor } from '../../../lib/core/target.ts';
import type { Stack } from '../../../lib/domain/stack/stack.ts';
import type { Container } from '../../../lib/tools/docker/containers.ts';
import { testOps } from '../../support/ops.ts';

const PASSWORD = 'Sentinel-pw-1234';
const target = targetFor('/opt/whalefall');
const app = { id: 'abc', imageId: 'sha256:1' } as Container;

/** The four views of it, with what each gives. */
async function environment(file: string, compose: Record<string, string>, given: string[], process: string[]) {
  const ops = testOps(({ argv }) => {
    if (argv.includes('inspect')) return { stdout: `${JSON.stringify(given)}\n["PATH=/bin","FLASK_APP=app.py"]\n` };
    return { stdout: `${process.join('\0')}\0` };
  });
  writeFileSync(path.join(ops.target.dir, '.env'), file);
  const stack = { services: { app: { environment: compose } } } as unknown as Stack;
  return { ops, views: await environmentOf({ ops, stack, containers: { app }, effect: 'read' }, app, 42) };
}

it('finds no drift where each has what it should have, whatever the image and supervisord add', async () => {
  const { views } = await environment(
    'LEVEL=INFO\nURL=from-file\nENABLE_SCHEDULER=true\n',
    { LEVEL: 'INFO', URL: 'from-compose', FLASK_APP: 'app.py', ENABLE_SCHEDULER: 'true' },
    ['PATH=/bin', 'FLASK_APP=app.py', 'LEVEL=INFO', 'URL=from-compose', 'ENABLE_SCHEDULER=true'],
    ['PATH=/bin', 'FLASK_APP=app.py', 'LEVEL=INFO', 'URL=from-file', 'ENABLE_SCHEDULER=false', 'SUPERVISOR_ENABLED=1'],
  );
  expect(Object.keys(views.container)).not.toContain('PATH');
  expect(driftIn(views, target)).toEqual([]);
});

it('names what differs, is missing, and is given by nothing any more', async () => {
  const { views } = await environment(
    'LEVEL=DEBUG\nNEW=1\n',
    { LEVEL: 'DEBUG', NEW: '1' },
    ['LEVEL=INFO', 'OLD=1'],
    ['LEVEL=INFO', 'OLD=1'],
  );
  expect(driftIn(views, target)).toEqual([
    { name: 'LEVEL', container: 'differs', process: 'differs' },
    { name: 'NEW', container: 'missing', process: 'missing' },
    { name: 'OLD', container: 'extra', process: 'extra' },
  ]);
  expect(driftIn({ ...views, process: undefined }, target)[0]).toMatchObject({ process: '-' });
});

it('leaves out what gets the commit: no file gives it', async () => {
  const { views } = await environment('', {}, ['BUILD_HASH=c0ffee'], ['BUILD_HASH=c0ffee']);
  const stamped = { ...target, release: { ...target.release, stamp: ['BUILD_HASH'] } };
  expect(driftIn(views, stamped)).toEqual([]);
  expect(driftIn(views, target).map((d) => d.name)).toEqual(['BUILD_HASH']);
});

it('shows no value, and has what is secret redacted', async () => {
  const { ops, views } = await environment('', {}, [`DB_PASSWORD=${PASSWORD}`], []);
  const secret = views.container.DB_PASSWORD;
  for (const shown of [
    String(secret),
    `${secret}`,
    JSON.stringify(views),
    inspect(views, { depth: 9, showHidden: true }),
  ]) {
    expect(shown).not.toContain(PASSWORD);
  }
  expect(secret?.reveal()).toBe(PASSWORD);
  expect(secret?.equals(new Secret(PASSWORD))).toBe(true);
  expect(ops.secrets.redact(PASSWORD)).toBe('[secret]');
});
