import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { type Former, givenBackByHand, halt } from '../../../../lib/domain/replacement/replace.ts';

import { container } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

it('tells commands that a shell takes as they are meant, wherever the engine and the directory are', () => {
  const file = "/srv/it's here/.whalefall-ops/runs/x/former-app.json";
  const container = { id: 'c0ffee', name: 'app', state: 'exited' };
  const [make] = givenBackByHand({ container, file, definition: {} } as Former, undefined, true);
  const tools = 'docker() { echo unix:///run/user/1000/docker.sock; }; curl() { printf "%s\\n" "$@"; }';
  expect(execFileSync('sh', ['-c', `${tools}; ${make}`], { encoding: 'utf8' }).split('\n')).toEqual([
    ...['--unix-socket', '/run/user/1000/docker.sock', '-H', 'Content-Type: application/json'],
    ...['--data-binary', `@${file}`, 'http://localhost/containers/create?name=app', ''],
  ]);
});

it.each([
  ['redis', 300, 300],
  ['postgres', 120, 120],
  ['postgres', 10, 60],
  ['app', 0, 35],
] as const)('gives %s whose compose file says %d s to stop %d s, and waits for longer', async (role, said, given) => {
  const ops = testOps(() => ({}));
  await halt(ops, role, container(role, { stopSeconds: said }));
  expect(ops.scripted.calls.map(({ argv }) => argv.slice(0, 4).join(' '))).toEqual([`docker stop -t ${given}`]);
});
