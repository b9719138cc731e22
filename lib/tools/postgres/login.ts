import { isIPv4 } from 'node:net';
import type { Ops } from '../../core/ops.ts';
import { run } from '../../core/run.ts';
import { printable } from '../../core/text.ts';
import { exec } from '../docker/docker.ts';
import { type Database, execute, identifier } from './psql.ts';

/** Where a login starts and which name it uses for the server: what decides the pg_hba.conf line that applies. */
export interface Client {
  /** Id of a container in the server's network that has psql; the server's own container will do. */
  readonly container: string;
  /** Compose service key, or the server container's own address. Never loopback: that is always let in. */
  readonly host: string;
}

export type Login = 'yes' | 'wrong-password' | { readonly error: string };

// libpq never shows the SQLSTATE of a failed connection, and the server's text is in the server's language. But for
// 28P01, and only for that, libpq adds in the *client's* language that the password came from a password file.
const FROM_FILE = /password retrieved from file/;

// In memory where there is /dev/shm, and in no case under a name: the file has lost it before the password is in it, so nothing stays however this ends.
// `sh` because the client may be Alpine.
export const LOGIN_SCRIPT = `set -eu; umask 077
f=$(mktemp /dev/shm/.whalefall-ops.XXXXXX 2>/dev/null || mktemp)
exec 3<> "$f"; rm -f "$f"
printf '%s\\n' "$WFOPS_PGPASS" >&3; unset WFOPS_PGPASS
PGPASSFILE=/proc/self/fd/3 psql -X -qAt -w -h "$1" -p "$2" -U "$3" -d "$4" -c 'SELECT 1'`;

/**
 * Logs in over TCP as the application does, from a container of the same network, and leaves at once. The password
 * travels by environment and, because libpq tells a wrong password reliably only then, through a 0600 file without a name.
 *
 * @returns `wrong-password` exactly when the server says 28P01: wrong, expired or no password, or no such role.
 * @throws {CommandError} the client container cannot be asked in time.
 */
export async function canLogIn(ops: Ops, db: Database, from: Client, password: string): Promise<Login> {
  if (isLoopback(from.host)) throw new Error(`a login over ${from.host} proves nothing`);
  if (/[\n\r\0]/.test(password)) return { error: 'a password with a line break cannot be tried' };
  const login = exec(
    'read',
    from.container,
    ['sh', '-c', LOGIN_SCRIPT, 'login', from.host, String(ops.target.ports.postgres), db.user, db.name],
    {
      env: { WFOPS_PGPASS: `*:*:*:*:${password.replace(/[\\:]/g, '\\$&')}`, PGCONNECT_TIMEOUT: '5', LC_ALL: 'C' },
      deadlineMs: 30_000, // psql gives up by itself where nobody answers; a busy machine needs longer to start it
    },
  );
  const { exitCode, stdout, stderr } = await run(ops, login, [0, 1, 2, 3, 126, 127, 137, 143]);
  if (exitCode === 0 && stdout.trim() === '1') return 'yes';
  if (exitCode === 2 && FROM_FILE.test(stderr)) return 'wrong-password';
  const said = printable(ops.secrets.redact(stderr)).trim();
  return { error: said || `psql: exit code ${exitCode}` };
}

export function isLoopback(host: string): boolean {
  return (
    host === '' ||
    host.startsWith('/') ||
    /^localhost\.?$/i.test(host) ||
    host === '::1' ||
    (isIPv4(host) && host.startsWith('127.'))
  );
}

/**
 * Gives POSTGRES_USER this password, over the server's local socket, which needs none. psql's own `\password` reads it
 * from stdin and sends the server only a SCRAM verifier: whatever `log_statement` or pg_stat_statements keep, the
 * password is not in it. SCRAM always, because such a verifier satisfies `md5` lines of pg_hba.conf as well.
 *
 * @throws {CommandError} the server refused.
 */
export async function setPassword(ops: Ops, db: Database, password: string): Promise<void> {
  if (/[\n\r\0]/.test(password)) throw new Error('a password with a line break cannot be set');
  await execute(
    ops,
    db,
    `SET password_encryption = 'scram-sha-256';\n\\password ${identifier(db.user)}\n${password}\n${password}\n`,
  );
}
