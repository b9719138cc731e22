import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { commentOf } from '../../../lib/domain/hold/rules.ts';
import { leftOf } from '../../e2e/hold/left.ts';
import { docker, sandboxOptions } from '../../e2e/update/stack.ts';
import { Sandbox } from '../../sandbox/sandbox.ts';
import { STACK } from '../surroundings.ts';
import { ROOT } from './part.ts';

it('down leaves nothing', async () => {
  const sandbox = new Sandbox(sandboxOptions(STACK, ROOT));
  const state = `${sandbox.deployDir}/.whalefall-ops`;
  await sandbox.down();
  const lists = [
    ['ps', '-a', '--format', '{{.Names}} {{.Labels}}'],
    ['volume', 'ls', '--format', '{{.Name}} {{.Labels}}'],
    ['network', 'ls', '--format', '{{.Name}} {{.Labels}}'],
    ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}'],
  ];
  const left = lists.flatMap((list) =>
    docker(...list)
      .split('\n')
      .filter((line) => line.includes(sandbox.project)),
  );
  expect(left).toEqual([]);
  expect(existsSync(sandbox.dir)).toBe(false);
  // Others can't have made rules.
  if (process.getuid?.() === 0) expect(leftOf(sandbox.project, commentOf({ state }))).toEqual([]);
});
