import { expect, it, vi } from 'vitest';
import type { Script } from '../../lib/runs/command-line/script.ts';
import { deployProdAll } from '../../scripts/deploy-prod-all.ts';
import { type Deployment, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

interface Flow {
  readonly given: () => Promise<Deployment>;
  readonly args: readonly string[];
  readonly check: typeof runAndCheck;
  readonly script: Script;
}

const FLOWS: Readonly<Record<string, Flow>> = {
  'hot update': { given: updatable, args: ['--yes', '--soak', '0'], check: updateAndCheck, script: UPDATE },
  'full rebuild': { given: production, args: ['--yes', '--data', 'keep'], check: runAndCheck, script: deployProdAll },
};

/** What the application says that it works on: names, and how many milliseconds ago they began. */
const writes = (d: Deployment, jobs: Readonly<Record<string, number>>) => {
  if (d.database === undefined) throw new Error('there is no database');
  const since = (ago: number) => new Date(d.machine.clock.now() - ago).toISOString();
  d.database.tables.task_runs = Object.entries(jobs).map(([name, ago]) => `${name} since ${since(ago)}`);
};

const DAY = 86_400_000;

it.each(Object.entries(FLOWS))(
  '%s: jobs that its processes are at are in the plan, and told when they were cut',
  async (_name, { given, args, check, script }) => {
    const d = await given();
    writes(d, { 'cut long ago': 7 * DAY, 'sync accounts': 100 });
    const planned = await d.run(['--plan', ...args.slice(1)], { script });
    expect(planned.text).toMatch(/Jobs under way: sync accounts \(\S+\)\. They end half done/);
    const ended = await check(d, args);
    expect(ended.exitCode, ended.text).toBe(0);
    expect(ended.text).toMatch(/jobs were cut: sync accounts \(\S+\); the application still calls them running/);
    expect(ended.text).toContain('but for what is warned of above');
    expect(ended.text).not.toContain('cut long ago');
  },
);

it.each(Object.entries(FLOWS))('%s: a row that no process can be at is nobody’s job', async (_name, flow) => {
  const d = await flow.given();
  writes(d, { 'cut long ago': 7 * DAY });
  const ended = await flow.check(d, flow.args);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).not.toMatch(/[Jj]obs|cut long ago/);
});

it.each(Object.entries(FLOWS))('%s: says that jobs could not be asked for, and goes on', async (_name, flow) => {
  const d = await flow.given();
  writes(d, {});
  d.machine.override = (call) =>
    call.input.includes('FROM task_runs')
      ? { exitCode: 3, stderr: 'ERROR:  column "task_name" does not exist' }
      : undefined;
  const ended = await flow.check(d, flow.args);
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('Which jobs the application is at is not known');
});
