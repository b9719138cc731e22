import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { copies, filesInApp, filesOf, lostBeside } from './files.ts';
import type { Run } from './run.ts';
import { deepHealth, processes, scheduler, supervised } from './serving.ts';
import type { Release, Stack } from './stack.ts';
import { filesWith } from './traces.ts';

export interface Expected {
  /** Web workers of the release that is to serve; default 2. */
  readonly workers?: number;
  /** The container was restarted: requests may have been lost, and it runs since later. */
  readonly restarted?: boolean;
}

/** The run did what it was asked to, and nobody noticed. */
export async function expectNew(stack: Stack, run: Run, release: Release, expected: Expected = {}): Promise<void> {
  expect(run.exitCode, run.text).toBe(0);
  stack.current = release;
  await expectOnly(stack, run, release, expected);
  expect(stack.git(['rev-parse', 'HEAD']).trim(), 'the deploy directory is at the release').toBe(release.commit);
  expect(stack.git(['status', '--porcelain']), 'and has no changes').toBe('');
  const releases = readFileSync(path.join(stack.state, 'releases'), 'utf8').trim().split('\n');
  expect(JSON.parse(releases.at(-1) ?? '{}')).toMatchObject({ kind: 'hot', commit: release.commit });
}

/** The run ended with this code, everything is as it was before it, and nobody noticed. */
export async function expectOld(stack: Stack, run: Run, exitCode: number, expected: Expected = {}): Promise<void> {
  expect(run.exitCode, run.text).toBe(exitCode);
  await expectOnly(stack, run, stack.current, expected);
  const { refs, head, status, deployDir } = run.before;
  expect({ refs: run.after.refs, head: run.after.head, status: run.after.status }).toEqual({ refs, head, status });
  expect(run.after.deployDir).toEqual(deployDir);
}

/** One release and nothing else serves, by everything that can be seen from outside; the run left nothing and told nothing. */
export async function expectOnly(stack: Stack, run: Run, release: Release, expected: Expected = {}): Promise<void> {
  expect(run.load.sent).toBeGreaterThan(10);
  if (!expected.restarted) {
    expectNoneLost(run);
    expect(run.after.containers, 'the same containers, none of them restarted').toEqual(run.before.containers);
  } else {
    const names = (list: readonly string[]) => list.map((l) => l.split(' ')[0]);
    expect(names(run.after.containers)).toEqual(names(run.before.containers));
  }
  expect(new Set(run.answers?.map((a) => a.marker)), run.text).toEqual(new Set([release.marker]));
  expect(await deepHealth(stack)).toBe('healthy, database connected, redis connected');
  expectProcesses(stack, expected.workers ?? 2);
  const { running, pid, marker } = await scheduler(stack);
  expect({ running, marker }, 'the scheduler').toEqual({ running: true, marker: release.marker });
  expect(pid).toBe(processes(stack).find((p) => p.what === 'scheduler worker')?.pid);
  expectFiles(stack, release);
  expectNoTrace(run);
  expectNoSecret(stack, run);
}

/** By whichever way they came. */
export function expectNoneLost({ load, beside, text }: Run): void {
  for (const [way, report] of Object.entries({ load, ...beside }))
    expect(report.failed, `requests lost: ${way} ${JSON.stringify(report)}\n${text}`).toBe(0);
}

function expectProcesses(stack: Stack, workers: number): void {
  const all = processes(stack);
  const what = all.map((p) => p.what).filter((w) => w !== 'nginx');
  const web = Array.from({ length: workers }, () => 'web worker');
  expect(what.sort()).toEqual(['scheduler master', 'scheduler worker', 'supervisor', 'web master', ...web]);
  const pid = (name: string) => all.find((p) => p.what === name)?.pid;
  // What supervisor doesn't know it can't restart.
  expect(supervised(stack)).toMatchObject({
    whalefall_web: pid('web master'),
    whalefall_scheduler: pid('scheduler master'),
  });
}

function expectFiles(stack: Stack, release: Release): void {
  expect(filesInApp(stack)).toEqual(filesOf(stack, release.commit));
  expect(lostBeside(stack)).toEqual([]);
  for (const { file, is, shouldBe } of copies(stack, release.commit)) expect(is, file).toBe(shouldBe);
  const marker = JSON.parse(stack.inApp(['cat', '/app/.whalefall-release.json'])) as { commit: string };
  expect(marker.commit).toBe(release.commit);
}

function expectNoTrace(run: Run): void {
  const added = run.after.added.filter((file) => !run.before.added.includes(file));
  expect(added, 'left in the container').toEqual([]);
  expect(run.after.worktrees.match(/^worktree /gm)).toHaveLength(1);
  const end = run.journal.at(-1);
  expect({ event: end?.event, exitCode: end?.exitCode }).toEqual({ event: 'run-end', exitCode: run.exitCode });
}

/** No secret in what was shown or kept. The `.env` itself and a backup's globals hold them by design. */
export function expectNoSecret(stack: Stack, run: Run): void {
  const secrets = Object.values(stack.sandbox.secrets);
  expect(secrets.filter((secret) => run.text.includes(secret))).toEqual([]);
  expect(filesWith(stack.state, secrets)).toEqual([]);
}
