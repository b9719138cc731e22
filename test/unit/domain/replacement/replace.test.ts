import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { type Former, givenBackByHand } from '../../../../lib/domain/replacement/replace.ts';

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
