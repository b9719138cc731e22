import { createHash } from 'node:crypto';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, CommandError, run } from '../../core/run.ts';
import { exec } from '../docker/docker.ts';
import type { Database } from '../postgres/psql.ts';

/** The account that the server runs under: it refuses to start on a data directory that is not its own. */
export async function serverAccount(ops: Ops, db: Database, dataDirectory: string): Promise<string> {
  return (await ask(ops, exec('read', db.container.id, ['stat', '-c', '%u:%g', dataDirectory]))).trim();
}

export async function isReadable(ops: Ops, db: Database, account: string, file: string): Promise<boolean> {
  const test = exec('read', db.container.id, ['test', '-r', file], { user: account });
  return (await run(ops, test, [0, 1])).exitCode === 0;
}

/** Gives a file that the server cannot read (`sed -i` as root) back to the server's account. Its content stays. */
export async function giveToServer(ops: Ops, db: Database, account: string, file: string): Promise<void> {
  const script = 'chown "$1" "$2" && chmod 600 "$2"';
  await run(ops, exec('change', db.container.id, ['sh', '-c', script, 'chown', account, file], { user: '0' }));
}

/** A file of the server, byte for byte as latin1. Base64 on the way, because output is decoded as UTF-8. */
export async function readServerFile(ops: Ops, db: Database, account: string, file: string): Promise<string> {
  const base64 = await ask(ops, exec('read', db.container.id, ['base64', file], { user: account }));
  return Buffer.from(base64, 'base64').toString('latin1');
}

const MOUNTED = 76;
const CHANGED = 75;

// The new file is written beside the old one, so that the rename is one step, and is on disk before it. Its name is always
// the same: what a killed server left goes with the next one. Owner and mode are the old file's as far as this account may
// give them away; its own are what the server needs.
const REPLACE_SCRIPT = `set -eu; umask 077
file=$(readlink -f "$1"); copy=$2
if grep -qF " $file " /proc/self/mountinfo; then exit ${MOUNTED}; fi
sum() { sha256sum < "$1" | cut -c 1-64; }
new=$file.whalefall-ops; rm -f "$new"
trap 'rm -f "$new"' EXIT
base64 -d > "$new"
[ "$(sum "$new")" = "$4" ]
[ "$(sum "$file")" = "$3" ] || exit ${CHANGED}
[ -e "$copy" ] || cp -p "$file" "$copy"
chown "$(stat -c %u:%g "$file")" "$new" 2>/dev/null || :
chmod "$(stat -c %a "$file")" "$new"
sync "$copy" "$new" || sync
mv -f "$new" "$file"
sync "$(dirname "$file")" || sync`;

/**
 * Replaces a file of the server in one step, as the server's own account.
 *
 * @param before the content that `after` was made from; anything else in the file stops the replacement.
 * @param copy where the old file is kept, in the same directory.
 * @throws {OpsError} `precondition` when the file is mounted by itself or was changed meanwhile, `command` otherwise;
 * the old file is in place then.
 */
export async function replaceServerFile(
  ops: Ops,
  db: Database,
  account: string,
  change: { readonly file: string; readonly before: string; readonly after: string; readonly copy: string },
): Promise<void> {
  const { file, copy } = change;
  const [before, after] = [Buffer.from(change.before, 'latin1'), Buffer.from(change.after, 'latin1')];
  const command = exec(
    'change',
    db.container.id,
    ['sh', '-c', REPLACE_SCRIPT, 'replace', file, copy, sha256(before), sha256(after)],
    { user: account, input: after.toString('base64').replace(/.{76}/g, '$&\n') },
  );
  try {
    await run(ops, command);
  } catch (error) {
    const exitCode = error instanceof CommandError ? error.output.exitCode : undefined;
    if (exitCode !== MOUNTED && exitCode !== CHANGED && !/busy/i.test(String(error))) throw error;
    throw new OpsError({
      kind: 'precondition',
      what:
        exitCode === CHANGED
          ? { en: `${file} was changed by somebody else just now.`, zh: `${file} 刚刚被其他人修改.` }
          : {
              en: `${file} is a single file mounted into the container: it can only be changed where it comes from.`,
              zh: `${file} 是单独挂载进容器的文件: 只能在其来源 (宿主机) 上修改.`,
            },
      state: { en: 'It was left as it is.', zh: '该文件未被改动.' },
      cause: error,
    });
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
