import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Ops } from '../core/ops.ts';
import { read, run } from '../core/run.ts';
import type { Container } from '../tools/docker/containers.ts';
import { exec } from '../tools/docker/docker.ts';

export interface LogLine {
  /** RFC 3339, UTC, with milliseconds: `2026-01-02T03:04:05.678Z`. A line without a time has that of the one before it. */
  readonly at: string;
  /** The service (`postgres`), or a log file's name without `.log` (`gunicorn_error`). */
  readonly from: string;
  readonly text: string;
}

const LOGS_DEADLINE_MS = 30_000;

/** The last of several logs together, in the order of time; lines of one moment stay as they were. */
export const lastOf = (lines: readonly LogLine[], count: number): readonly LogLine[] =>
  [...lines].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).slice(-count);

/** What a container wrote, running or not; the engine dates each line. Both streams, each in its order. */
export async function logsOfContainer(
  ops: Ops,
  container: Container,
  from: string,
  lines: number,
): Promise<readonly LogLine[]> {
  const command = read(['docker', 'logs', '-t', '--tail', String(lines), container.id], {
    deadlineMs: LOGS_DEADLINE_MS,
  });
  const { stdout, stderr } = await run(ops, command);
  return [stdout, stderr].flatMap((text) =>
    text.split('\n').flatMap((line): LogLine[] => {
      const [, seconds, fraction = '', said = ''] =
        /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z ?(.*)$/.exec(line) ?? [];
      return seconds === undefined
        ? []
        : [{ at: `${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}Z`, from, text: said }];
    }),
  );
}

// $1 how many lines, $2 a line that no log has, then the directories. Rotated files (.log.1) are another day's.
const TAIL = `date +%z
find "\${@:3}" -maxdepth 2 -type f -name '*.log' -size +0 2>/dev/null | sort -u | while IFS= read -r file; do
  printf '\\n%s %s %s\\n' "$2" "$(stat -c %Y "$file")" "$file"
  tail -n "$1" "$file"
done`;

/** The ends of the log files in the application's container: its programs' own, nginx's and supervisord's. */
export async function logFiles(ops: Ops, container: Container, lines: number): Promise<readonly LogLine[]> {
  const token = randomUUID();
  const dirs = [`${ops.target.app.userdata}/logs`, '/var/log'];
  const argv = ['bash', '-c', TAIL, 'tail-logs', String(lines), token, ...dirs];
  const { stdout } = await run(ops, exec('read', container.id, argv, { deadlineMs: LOGS_DEADLINE_MS }));
  const [zone = '', ...parts] = stdout.split(`\n${token} `);
  return parts.flatMap((part) => {
    const [head = '', ...text] = part.replace(/\n$/, '').split('\n');
    const [, changed = '0', file = ''] = /^(\d+) (.*)$/.exec(head) ?? [];
    return dated(text, path.posix.basename(file, '.log'), Number(changed) * 1000, zone.trim());
  });
}

/** Of a file without times only the last lines can be as young as its last change. */
const UNDATED = 3;

/** A first line without a time has that of the next that has one; a file without any is as old as its last change. */
function dated(lines: readonly string[], from: string, changed: number, zone: string): LogLine[] {
  const times = lines.map((line) => timeIn(line, zone));
  const first = times.find((time) => time !== undefined);
  let at = first ?? changed;
  return (first === undefined ? lines.slice(-UNDATED) : lines).map((text, index) => {
    at = times[index] ?? at;
    return { at: new Date(at).toISOString(), from, text };
  });
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/** Access logs: `[02/Jan/2026:03:04:05 +0800]`. */
const COMMON = /\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\]/;
/** gunicorn, supervisord, nginx' errors, Python's logging, JSON: the zone may be missing. */
const ISO = /(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))? ?(Z|UTC|[+-]\d\d:?\d\d)?/;

/**
 * Milliseconds since the epoch of the time at the beginning of a log line.
 *
 * @param zone of times that name none, as `+0800`.
 */
export function timeIn(line: string, zone: string): number | undefined {
  const head = line.slice(0, 200);
  const common = COMMON.exec(head);
  if (common) {
    const [, day, name = '', year, time, offset = ''] = common;
    const month = String(MONTHS.indexOf(name) / 3 + 1).padStart(2, '0');
    return moment(`${year}-${month}-${day}T${time}`, offset);
  }
  const iso = ISO.exec(head);
  if (iso === null) return undefined;
  const [, year, month, day, time, fraction = '0', offset = zone] = iso;
  return moment(`${year}-${month}-${day}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}`, offset);
}

function moment(local: string, offset: string): number | undefined {
  const zone = /^[+-]\d/.test(offset) ? offset.replace(/^(...):?(..)$/, '$1:$2') : 'Z';
  const at = Date.parse(`${local}${zone}`);
  return Number.isNaN(at) ? undefined : at;
}
