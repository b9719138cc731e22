import { writeAtomically } from '../../tools/files/durable.ts';
import type { Ended, Outcome } from './outcomes.ts';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly of: (outcome: Outcome) => number | undefined;
}

const at = (ended: Ended | null) => ended && Date.parse(ended.at) / 1000;

/** Names and meanings are stable: dashboards and alerts stand on them. */
const METRICS: readonly Metric[] = [
  { name: 'last_run_timestamp_seconds', help: 'When it ended last.', of: ({ last }) => at(last) ?? undefined },
  {
    name: 'last_success_timestamp_seconds',
    help: 'When it ended last with 0.',
    of: ({ success }) => at(success) ?? undefined,
  },
  { name: 'last_exit_code', help: 'How it ended last; 0 is done and proved.', of: ({ last }) => last.exitCode },
  { name: 'failures', help: 'Failures since the last success.', of: ({ failures }) => failures },
  { name: 'duration_seconds', help: 'How long the last one took.', of: ({ last }) => last.took / 1000 },
  { name: 'size_bytes', help: 'Of what the last success made.', of: ({ success }) => success?.bytes ?? undefined },
  { name: 'requests', help: 'Sent by the probe during the last one.', of: ({ last }) => last.requests?.sent },
  { name: 'requests_failed', help: 'Of these, not answered or not well.', of: ({ last }) => last.requests?.failed },
  {
    name: 'downtime_seconds',
    help: 'The longest that nobody was answered during the last one.',
    of: ({ last }) => (last.requests ? last.requests.downtime / 1000 : undefined),
  },
];

/** In the text format of Prometheus, all scripts of a deploy directory. */
export function metricsText(outcomes: readonly Outcome[], dir: string): string {
  return METRICS.flatMap(({ name, help, of }) => {
    const rows = outcomes.flatMap((outcome) => {
      const value = of(outcome);
      const [script = '', command = ''] = outcome.subject.split(' ');
      const labels = `script="${escaped(script)}",command="${escaped(command)}",directory="${escaped(dir)}"`;
      return value === undefined ? [] : [`whalefall_ops_${name}{${labels}} ${value}`];
    });
    return rows.length === 0
      ? []
      : [`# HELP whalefall_ops_${name} ${help}`, `# TYPE whalefall_ops_${name} gauge`, ...rows];
  })
    .map((row) => `${row}\n`)
    .join('');
}

const escaped = (label: string) => label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/**
 * Puts it in the place of the former one in one go; node_exporter runs as another user, and reads it.
 *
 * @throws {NodeJS.ErrnoException}
 */
export async function writeMetrics(file: string, outcomes: readonly Outcome[], dir: string): Promise<void> {
  await writeAtomically(file, metricsText(outcomes, dir), { mode: 0o644 });
}
