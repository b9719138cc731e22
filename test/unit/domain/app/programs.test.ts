import { expect, it } from 'vitest';
import { findPrograms } from '../../../../lib/domain/app/programs.ts';
import { testOps } from '../../../support/ops.ts';
import { program, scheduler, web } from '../../../support/update-facts.ts';

const answering = (...programs: readonly unknown[]) =>
  testOps(() => ({ stdout: JSON.stringify({ programs, said: '', uptime: 9, booted: 1 }) }));
const python = '/app/.venv/bin/python';
const find = (...programs: readonly unknown[]) => findPrograms(answering(...programs), 'app');

it('tells the programs by what they run: what only inherits the variable is no scheduler', async () => {
  const nginx = program('nginx', { argv: ['nginx: master process'], ports: [80], scheduler: 'true', cwd: '/' });
  const celery = program('celery', { argv: [python, '-m', 'celery', 'worker'], scheduler: 'true' });
  const found = await find(celery, nginx, scheduler, web);
  expect(found.web.name).toBe('whalefall_web');
  expect(found.scheduler?.name).toBe('whalefall_scheduler');
  expect(found.others.map((p) => p.name)).toEqual(['celery']);
});

it('counts as the release only what Python runs from its files', async () => {
  const exporter = program('exporter', { argv: ['/usr/bin/python3', '/opt/exporter.py'], cwd: '/' });
  const relative = program('queue', { argv: ['/usr/bin/python3.11', 'worker.py'], cwd: '/app' });
  expect((await find(exporter, relative, web)).others.map((p) => p.name)).toEqual(['queue']);
});

it('takes for the web program the gunicorn that listens on its port', async () => {
  const proxy = program('proxy', { argv: ['haproxy'], ports: [5001] });
  await expect(find(proxy, { ...web, ports: [5003] })).rejects.toMatchObject({ kind: 'precondition' });
});
