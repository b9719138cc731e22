import { expect, it } from 'vitest';
import { appOf } from '../../../lib/adhoc/app.ts';
import type { Context } from '../../../lib/adhoc/service.ts';
import type { Container } from '../../../lib/tools/docker/containers.ts';
import { facts } from '../../support/facts.ts';
import { testOps } from '../../support/ops.ts';
import { program, scheduler, web } from '../../support/update-facts.ts';

it('calls that one the scheduler which was told to be, and no program that only inherits the variable', async () => {
  const celery = program('celery', {
    argv: ['/app/.venv/bin/python', '/app/.venv/bin/celery', 'worker'],
    scheduler: 'true',
    inherited: true,
  });
  const reports = program('reports', {
    argv: [...web.argv.slice(0, -1), 'reports:app'],
    scheduler: 'true',
    inherited: true,
  });
  const programs = [celery, reports, web, scheduler];
  const ops = testOps(() => ({ stdout: JSON.stringify({ programs, said: '', uptime: 500, booted: 98 }) }));
  const app = { id: 'abc', state: 'running' } as Container;
  const context = { ops, stack: facts().stack, containers: { app }, effect: 'read' } as unknown as Context;
  expect((await appOf(context).programs()).map(({ name, role }) => [name, role])).toEqual([
    ['celery', null],
    ['reports', null],
    ['whalefall_web', 'web'],
    ['whalefall_scheduler', 'scheduler'],
  ]);
});
