import { unmet } from '../../core/refusal.ts';
import { humanBytes } from '../../core/text.ts';

/** What a drill may take from production's machine. */
export interface Limits {
  /** Processors for each of its two working containers. */
  readonly cpus: number;
  /** Bytes for each of them. */
  readonly memory: number;
}

const MIB = 1 << 20;
const [LEAST, MOST] = [384 * MIB, 2048 * MIB];

/**
 * Half of the processors and a quarter of the memory that is free now, at most 2 GB, for each of the two containers that work; they do so one
 * after the other, and only the application's requests keep both busy.
 *
 * @throws {OpsError} `precondition` when so little memory is free that production might have to give some up.
 */
export function limitsFor(machine: { readonly cpus: number; readonly availableMemory: number }): Limits {
  const memory = Math.min(Math.floor(machine.availableMemory / 4), MOST);
  if (memory >= LEAST) return { cpus: Math.max(machine.cpus / 2, 0.5), memory };
  throw unmet(
    {
      en: `Only ${humanBytes(machine.availableMemory)} of memory are free; a drill beside production wants ${humanBytes(4 * LEAST)}.`,
      zh: `可用内存仅 ${humanBytes(machine.availableMemory)}, 与生产同机演练至少需要 ${humanBytes(4 * LEAST)}.`,
    },
    {
      en: 'Run it at a quieter hour, or on another machine with a copy of the deploy directory.',
      zh: '请在空闲时段执行, 或在另一台机器上用部署目录的副本执行.',
    },
  );
}

/**
 * As `docker run` takes them. When production wants the processor or the disk it comes first, and when memory runs out the drill is what
 * is ended. Where the kernel has no weights for disks, the engine warns and leaves that one out.
 */
export const limitFlags = ({ cpus, memory }: Limits): readonly string[] => [
  ...['--cpus', String(cpus), '--cpu-shares', '128', '--blkio-weight', '10'],
  ...['--memory', String(memory), '--memory-swap', String(memory), '--oom-score-adj', '1000', '--pids-limit', '500'],
];
