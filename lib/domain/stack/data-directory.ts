import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { ask, read } from '../../core/run.ts';
import { ownerLabels } from '../../tools/docker/helpers.ts';

/** Files of a server, found in a volume by what only they have. */
export interface DataDirectory {
  readonly volume: string;
  readonly of: 'postgres' | 'redis';
  /** Below the volume's top, '' for the top itself. */
  readonly path: string;
  /** Of PostgreSQL's: what initdb named the cluster, as decimal text; '' when its pg_control can't be read. */
  readonly systemIdentifier: string;
  /** Of PostgreSQL's: `15`. */
  readonly major: string;
}

// The first eight bytes of pg_control are the system identifier: a server that does not run can be told from another.
// Nothing may be called empty that can't be read (a network share keeps root out); what only vanished meanwhile is gone the second time.
const LOOK = `cd /v || exit; list() { find . -maxdepth 6 \\( -name PG_VERSION -o -name appendonlydir -o -name appendonly.aof -o -name dump.rdb \\) \
! -path '*/base/*' ! -path '*/pg_tblspc/*'; }; found=$(list 2>/dev/null) || found=$(list) || exit 1
printf '%s\\n' "$found" | while IFS= read -r file; do dir=\${file%/*}; case "$file" in '') ;;
*/PG_VERSION) echo "postgres|$(cat "$file")|$(od -An -t u8 -N 8 "$dir/global/pg_control" 2>/dev/null | tr -d ' ')|$dir" ;;
*) echo "redis|||$dir" ;; esac; done`;

/**
 * Looks for data directories of PostgreSQL and Redis in volumes that exist, in a container that can't write to them.
 *
 * @param imageId an image that is there and has a shell.
 * @throws {CommandError}
 */
export async function findDataDirectories(
  ops: Ops,
  imageId: string,
  volumes: readonly string[],
): Promise<DataDirectory[]> {
  if (volumes.length === 0) return [];
  const mounts = volumes.flatMap((name, at) => ['-v', `${name}:/v/${at}:ro`]);
  const answer = await ask(
    ops,
    read(
      [
        ...['docker', 'run', '--rm', '--network', 'none', '--pull', 'never', '--user', '0', ...ownerLabels(ops)],
        ...[...mounts, '--entrypoint', 'sh', imageId, '-c', LOOK],
      ],
      { deadlineMs: 120_000 },
    ),
  );
  const found = answer
    .split('\n')
    .filter(Boolean)
    .map((line): DataDirectory => {
      const [of = '', major = '', systemIdentifier = '', ...rest] = line.split('|');
      const [index = '', ...inside] = path.posix.normalize(rest.join('|')).split('/');
      return {
        volume: volumes[Number(index)] ?? '',
        of: of === 'redis' ? 'redis' : 'postgres',
        path: inside.join('/'),
        systemIdentifier,
        major,
      };
    });
  // Redis may have several files in one directory.
  return [...new Map(found.map((f) => [JSON.stringify(f), f])).values()];
}
