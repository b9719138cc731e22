import { z } from 'zod';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { agent } from './agent.ts';
import { MARKER } from './marker.ts';

const program = z.object({
  name: z.string(),
  /** supervisord's: RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL. */
  state: z.string(),
  /** 0 when it does not run. */
  pid: z.int(),
  /** Seconds since the machine's start; 0 when it does not run. */
  start: z.number(),
  argv: z.array(z.string()),
  cwd: z.string(),
  /** TCP ports that it listens on. */
  ports: z.array(z.int()),
  /** What its environment says about running the scheduler: `true`, `false`, or nothing (''). */
  scheduler: z.string(),
  /** Its child processes; `start` on the same scale. */
  workers: z.array(z.object({ pid: z.int(), start: z.number() })),
  /** A gunicorn's, as far as its command line and its configuration file have them as plain values; what they compute is not known. */
  settings: z
    .object({
      preload_app: z.boolean().optional(),
      /** Requests after which a worker is replaced; 0: never. */
      max_requests: z.int().optional(),
      max_requests_jitter: z.int().optional(),
      worker_class: z.string().optional(),
      threads: z.int().optional(),
    })
    .optional(),
  /** A gunicorn's version, as `23.0.0`; '' when it is not known. */
  gunicorn: z.string().optional(),
});

export type Program = z.infer<typeof program>;

const answer = z.object({
  programs: z.array(program),
  said: z.string(),
  /** Now, on the same scale. */
  uptime: z.number(),
  /** When the container's first process was started. */
  booted: z.number(),
  /** When the release's marker was put in place, if it is there. */
  released: z.number().optional(),
});

/** What supervisord runs. By what a program does, never by its name: those differ between releases. */
export interface Programs {
  readonly all: readonly Program[];
  /** The gunicorn that listens on the application's port. */
  readonly web: Program;
  /** The other gunicorn, which runs the scheduler; `undefined` when the web program does both, or there is none. */
  readonly scheduler: Program | undefined;
  /** What else runs the release's code, such as a queue's worker. */
  readonly others: readonly Program[];
  readonly uptime: number;
  /** The container's start, and with it supervisord's. */
  readonly booted: number;
  readonly released: number | undefined;
}

/** Asks supervisord in the container. */
export async function listPrograms(ops: Ops, container: string): Promise<readonly Program[]> {
  return (await askSupervisor(ops, container)).programs;
}

function askSupervisor(ops: Ops, container: string): Promise<z.infer<typeof answer>> {
  const { root, schedulerVariable } = ops.target.app;
  const args = { schedulerVariable, marker: `${root}/${MARKER}` };
  return agent(ops, container, 'programs', { effect: 'read', args, answer });
}

/** @throws {OpsError} `precondition` when there is no gunicorn that serves the application. */
export async function findPrograms(ops: Ops, container: string): Promise<Programs> {
  const { programs: all, said, uptime, booted, released } = await askSupervisor(ops, container);
  const gunicorns = all.filter(isGunicorn);
  const web = gunicorns.find((p) => p.ports.includes(ops.target.ports.direct));
  if (web === undefined) throw noWebProgram(ops, all, said);
  // Only a gunicorn's: supervisord hands the variable on to whatever does not say otherwise.
  const scheduler = gunicorns.find((p) => p.scheduler === 'true' && p !== web);
  const others = all.filter((p) => p !== web && p !== scheduler && runsRelease(ops, p));
  return { all, web, scheduler, others, uptime, booted, released };
}

export const isGunicorn = ({ argv }: Program): boolean => argv.some((word) => word.endsWith('gunicorn'));

/** Python on the application's files. */
const runsRelease = ({ target }: Ops, { argv, cwd }: Program): boolean =>
  /(^|\/)python[\d.]*$/.test(argv[0] ?? '') && [cwd, ...argv].some((at) => `${at}/`.startsWith(`${target.app.root}/`));

function noWebProgram(ops: Ops, all: readonly Program[], said: string): OpsError {
  const seen = all.map((p) => `${p.name} ${p.state}`).join(', ') || said.trim();
  const port = ops.target.ports.direct;
  return new OpsError({
    kind: 'precondition',
    what: {
      en: `None of supervisord's programs is a gunicorn that listens on port ${port}: ${seen}`,
      zh: `supervisord 的程序中没有监听 ${port} 端口的 gunicorn: ${seen}`,
    },
    next: [
      {
        en: 'A full rebuild starts it from its image: npx tsx scripts/deploy-prod-all.ts --data keep',
        zh: '可通过全量重建从镜像重新启动: npx tsx scripts/deploy-prod-all.ts --data keep',
      },
    ],
  });
}
