import { spawn } from 'node:child_process';
import { quote, type Shell, $ as zx } from 'zx/core';

export type { Shell };

type Spawn = typeof spawn;

/**
 * What a child may inherit: where things are and how to reach engine, git and proxy, and whom sudo speaks for (git accepts that
 * person's repository). Of what a project's .env could define, only the profiles: the rest compose takes from the file.
 */
const INHERITED =
  /^(PATH|HOME|USER|LOGNAME|SUDO_UID|TMPDIR|SSH_AUTH_SOCK|SSL_CERT_(FILE|DIR)|GIT_SSH(_COMMAND)?|DOCKER_(HOST|CONTEXT|CONFIG|TLS_VERIFY|CERT_PATH|API_VERSION)|COMPOSE_PROFILES|XDG_RUNTIME_DIR|XDG_CONFIG_HOME|(HTTPS?|NO|ALL)_PROXY)$/i;

/**
 * The environment for children. The caller's variables would beat `.env` in compose's `${…}`, so only what
 * {@link INHERITED} names is passed on.
 */
export function childEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept = Object.entries(env).filter((e): e is [string, string] => e[1] !== undefined && INHERITED.test(e[0]));
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C.UTF-8', // messages of tools are parsed and shown
    GIT_TERMINAL_PROMPT: '0', // git would wait for a password for ever
    // An address may also name a program (`ext::sh -c …`); the repository's configuration must not be the one to allow that.
    GIT_ALLOW_PROTOCOL: env.GIT_ALLOW_PROTOCOL ?? 'file:git:http:https:ssh',
    // A compose file is what lies in the deploy directory: `include` and `extends` of a remote one would be fetched, by git among others.
    COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'false',
    COMPOSE_EXPERIMENTAL_OCI_REMOTE: 'false',
    // `up` of some services of a project would take down all its others; compose 2.27 and newer ask `.env`, too.
    COMPOSE_REMOVE_ORPHANS: 'false',
    DOCKER_CLI_HINTS: 'false',
    // Node's pipes are sockets; bash takes a socket as stdin for a remote login and would run ~/.bashrc, which may read our
    // input, unless it believes to be a shell within a shell (bash's shell.c, run_startup_files).
    SHLVL: '1',
  };
}

export interface ShellOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Replaced in tests by a script of answers. */
  readonly spawn?: Spawn;
}

/**
 * The one `$` of this library. Everything that `ZX_*` variables or zx's defaults could change is pinned: the shell, strict
 * mode, silence (zx would print interpolated values), a closed stdin, and a process group per child so that a Ctrl-C
 * in the terminal reaches us alone and we decide how a child ends.
 */
export function createShell(options: ShellOptions): Shell {
  return zx({
    shell: '/bin/bash',
    prefix: 'set -euo pipefail;',
    postfix: '',
    quote,
    env: options.env,
    spawn: options.spawn ?? spawn,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    verbose: false,
    quiet: true,
    nothrow: false,
    preferLocal: false,
    log: () => undefined,
  });
}
