import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findBrokenBinds } from '../../../../lib/domain/stack/binds.ts';
import { facts } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

it('does not judge what this user can’t look at, such as a certificate below a directory of root’s', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'binds-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const source = path.join(dir, 'turns');
  symlinkSync(source, source); // can't be looked at either, by root too
  const { stack } = facts();
  const withMounts = (sources: readonly string[]) => ({
    ...stack,
    services: {
      ...stack.services,
      app: {
        ...stack.services.app,
        mounts: sources.map((s) => ({ kind: 'bind' as const, source: s, target: '/tls' })),
      },
    },
  });
  const ops = testOps(() => ({ exitCode: 1 }));
  const none = {};
  expect(await findBrokenBinds(ops, withMounts([source]), none)).toEqual([]);
  expect(await findBrokenBinds(ops, withMounts([path.join(dir, 'absent')]), none)).toMatchObject([{ why: 'absent' }]);
});
