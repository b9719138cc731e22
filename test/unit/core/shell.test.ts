import { expect, it } from 'vitest';
import { childEnv, createShell } from '../../../lib/core/shell.ts';
import { scriptedSpawn } from '../../support/scripted-spawn.ts';

it('passes on where things are, and nothing that a .env could define', () => {
  const env = childEnv({
    PATH: '/bin',
    HOME: '/root',
    SUDO_UID: '1000',
    DOCKER_HOST: 'unix:///run/docker.sock',
    https_proxy: 'http://proxy',
    POSTGRES_PASSWORD: 'theirs',
    COMPOSE_PROJECT_NAME: 'other',
    COMPOSE_FILE: 'other.yml',
    PGPASSWORD: 'x',
    BASH_ENV: '/tmp/evil',
    ZX_PREFIX: 'true;',
    NODE_OPTIONS: '--inspect',
  });
  expect(Object.keys(env).sort()).toEqual(
    [
      'COMPOSE_EXPERIMENTAL_GIT_REMOTE',
      'COMPOSE_EXPERIMENTAL_OCI_REMOTE',
      'COMPOSE_REMOVE_ORPHANS',
      'DOCKER_CLI_HINTS',
      'DOCKER_HOST',
      'GIT_ALLOW_PROTOCOL',
      'GIT_TERMINAL_PROMPT',
      'HOME',
      'LC_ALL',
      'PATH',
      'SHLVL',
      'SUDO_UID',
      'https_proxy',
    ].sort(),
  );
});

it('does not let bash take itself for a remote login, which would run ~/.bashrc on our input', () => {
  expect(Number(childEnv({}).SHLVL)).toBeGreaterThanOrEqual(1);
});

it('runs under bash in strict mode, in a group of its own, with stdin closed, whatever ZX_* says', async () => {
  let seen: Record<string, unknown> = {};
  const scripted = scriptedSpawn(() => ({}));
  const spawn = ((line: string, args: readonly string[], options: Record<string, unknown>) => {
    seen = { line, ...options };
    return (scripted.spawn as unknown as (...all: unknown[]) => unknown)(line, args, options);
  }) as unknown as typeof scripted.spawn;
  await createShell({ env: { PATH: '/bin' }, spawn })`true ${'a b'}`;
  expect(seen).toMatchObject({
    line: "set -euo pipefail;true $'a b'",
    shell: '/bin/bash',
    detached: true,
    env: { PATH: '/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
});
