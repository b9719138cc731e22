import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { expectNoSecret } from '../../e2e/update/judge.ts';
import { type Options, type Run, underLoad } from '../../e2e/update/run.ts';
import { deepHealth } from '../../e2e/update/serving.ts';
import { type Release, Stack } from '../../e2e/update/stack.ts';
import { STACK } from '../surroundings.ts';

/** Where the stack of the surrounding is in which this process was started. */
export const ROOT = process.env.MATRIX_ROOT ?? '';

/** Requests wait while a container is replaced, where iptables may be used. */
export const HOLDS = process.getuid?.() === 0;

export const DELETE = ['--data', 'delete', '--confirm', 'DELETE ALL DATA'] as const;

/** The stack that the part before has left serving. A case that failed may have left anything: the next one begins anew. */
export function openedStack(): () => Stack {
  let stack: Stack;
  let damaged = false;
  beforeAll(async () => {
    stack = await Stack.opened(STACK, ROOT);
  });
  afterEach(({ task }) => {
    damaged ||= task.result?.state === 'fail';
  });
  beforeEach(async () => {
    if (damaged) await stack.redeploy();
    damaged = false;
  });
  return () => stack;
}

/** A full rebuild to origin's newest release, while users go on asking. */
export async function rebuild(stack: Stack, args: readonly string[], options: Options = {}): Promise<Run> {
  await stack.sandbox.pull();
  return underLoad(stack, 'deploy-prod-all', args, options);
}

export const rollback = (stack: Stack, args: readonly string[]): Promise<Run> =>
  underLoad(stack, 'rollback-prod', ['--soak', '1s', ...args]);

/** The release serves from a container that took the former one's place; nobody was refused where requests can be held. */
export async function expectReplaced(stack: Stack, run: Run, release: Release): Promise<void> {
  expect(run.exitCode, run.text).toBe(0);
  stack.current = release;
  expect(new Set(run.answers?.map((a) => a.marker)), run.text).toEqual(new Set([release.marker]));
  expect(await deepHealth(stack)).toBe('healthy, database connected, redis connected');
  expectNobodyRefused(run);
  expectNoSecret(stack, run);
  await stack.settled();
  stack.changeByHand();
}

export function expectNobodyRefused(run: Run): void {
  expect(run.load.sent).toBeGreaterThan(10);
  if (HOLDS) {
    expect(run.text).toMatch(/requests meanwhile +wait at ports/);
    expect(run.load, run.text).toMatchObject({ failed: 0 });
  } else {
    expect(run.text).toMatch(/requests meanwhile +refused until/);
  }
}

/** What served serves on, and nothing that a person has put there is lost, whatever became of the container. */
export async function expectAsBefore(stack: Stack, run: Run, exitCode: number): Promise<void> {
  expect(run.exitCode, run.text).toBe(exitCode);
  expect(new Set(run.answers?.map((a) => a.marker)), run.text).toEqual(new Set([stack.current.marker]));
  expect(await deepHealth(stack)).toBe('healthy, database connected, redis connected');
  expect(await uploaded(stack)).toBe('kept');
  expectNoSecret(stack, run);
  await stack.settled();
  stack.changeByHand();
}

export const notes = (stack: Stack): string =>
  stack.sql("SELECT coalesce(string_agg(text, ',' ORDER BY id), '') FROM notes");

export const note = (stack: Stack, text: string): string => stack.sql(`INSERT INTO notes (text) VALUES ('${text}')`);

export async function uploaded(stack: Stack): Promise<string> {
  const url = `${stack.sandbox.directUrl}/api/v1/upload/kept.txt`;
  return (await fetch(url, { headers: { connection: 'close' } })).text();
}

export const upload = (stack: Stack): Promise<Response> =>
  fetch(`${stack.sandbox.directUrl}/api/v1/upload?name=kept.txt`, { method: 'POST', body: 'kept' });

/** A migration of `releases/`, as the next one after whatever revision the database has. */
export function nextMigration(stack: Stack, name: string): Readonly<Record<string, string>> {
  const text = readFileSync(path.join(import.meta.dirname, '../../sandbox/releases', `${name}.py`), 'utf8');
  const next = text.replace(/^down_revision = .*$/m, `down_revision = "${stack.revision()}"`);
  return { [`migrations/versions/${name}.py`]: next };
}
