import { z } from 'zod';
import { type OpsError, unlessInterrupted } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { failed, notProved, unmet } from '../../core/refusal.ts';
import { ifFails } from '../../core/run.ts';
import { given, printable, type Text } from '../../core/text.ts';
import type { ProgramState } from '../stack/deployment.ts';
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
  /** Where its next start begins: it may have gone elsewhere since. Absent where nobody tells. */
  startsIn: z.string().optional(),
  /** Seconds that supervisord gives it to end (`stopwaitsecs`), and after which it counts as started; absent where it does not tell. */
  stopSeconds: z.int().optional(),
  startSeconds: z.int().optional(),
  /** TCP ports that it listens on. */
  ports: z.array(z.int()),
  /** What its environment says about running the scheduler: `true`, `false`, or nothing (''). */
  scheduler: z.string(),
  /** supervisord itself has the same value: nobody may have said it of this program. */
  inherited: z.boolean().optional(),
  /** Its child processes; `start` on the same scale. */
  workers: z.array(z.object({ pid: z.int(), start: z.number() })),
  /** Where a gunicorn's configuration lies, or would lie: said by its command line, its variable, or nobody. Absent where it is a module. */
  config: z.string().optional(),
  /** A gunicorn's, as far as its command line and its configuration file have them as plain values; what they compute is not known. */
  settings: z
    .object({
      preload_app: z.boolean().optional(),
      /** Requests after which a worker is replaced; 0: never. */
      max_requests: z.int().optional(),
      max_requests_jitter: z.int().optional(),
      worker_class: z.string().optional(),
      loglevel: z.string().optional(),
      threads: z.int().optional(),
      /** Seconds without a sign of life after which the master kills a worker; 0: never. */
      timeout: z.int().optional(),
      /** Seconds that a worker has which is told to end. */
      graceful_timeout: z.int().optional(),
    })
    .optional(),
  /** A gunicorn's version, as `23.0.0`; '' when it is not known. */
  gunicorn: z.string().optional(),
  /** A gunicorn that itself makes its workers another user: the kernel shows nobody in a container whether they serve (proc(5), PR_SET_DUMPABLE). */
  changesUser: z.boolean().optional(),
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
  /** The gunicorn that runs the scheduler; `undefined` when the web program does both, or there is none. */
  readonly scheduler: Program | undefined;
  /** What else runs the release's code: that one first, then such as a queue's worker or a third gunicorn. */
  readonly companions: readonly Program[];
  readonly uptime: number;
  /** The container's start, and with it supervisord's. */
  readonly booted: number;
  readonly released: number | undefined;
}

/** Beside what the configuration says. */
const RESTART_MARGIN = 80;

/** Seconds that supervisord may take to end a program and to start it. */
export const restartSeconds = ({
  stopSeconds = 10,
  startSeconds = 1,
}: Pick<Program, 'stopSeconds' | 'startSeconds'>): number => stopSeconds + startSeconds + RESTART_MARGIN;

/** Asks supervisord in the container. */
export async function listPrograms(ops: Ops, container: string): Promise<readonly Program[]> {
  return (await askSupervisor(ops, container)).programs;
}

/** It is on its way to another state. */
const isUnsettled = ({ state }: ProgramState) => ['STARTING', 'BACKOFF', 'STOPPING'].includes(state);
/** supervisord could not keep it running. */
const hasFailed = ({ state }: ProgramState) => ['FATAL', 'BACKOFF'].includes(state);
const isDown = ({ state }: ProgramState) => state !== 'RUNNING';

/** What is to be said of programs that do not run, before anything changes. */
export const downTexts = (programs: readonly ProgramState[]): Text[] =>
  programs.filter(isDown).map(({ name, state }) => {
    const what = `${printable(name)} ${printable(state)}`;
    return {
      en: `A program does not run: ${what}. What it said: npx tsx scripts/adhoc/tail-logs.ts`,
      zh: `有程序未在运行: ${what}. 查看日志: npx tsx scripts/adhoc/tail-logs.ts`,
    };
  });

/** One that did not run before, and is not tried again, is as it was: the plan has named it. */
const isWorse = (program: ProgramState, before: readonly ProgramState[]): boolean => {
  const was = before.find(({ name }) => name === program.name);
  if (was === undefined) return hasFailed(program) || program.state === 'EXITED';
  return hasFailed(program) || (isDown(program) && !isDown(was));
};

/** What is to be said of them afterwards. */
export const stillDown = (programs: readonly ProgramState[], before: readonly ProgramState[] = []): Text[] =>
  programs
    .filter((p) => isWorse(p, before))
    .map(({ name, state }) => {
      const is: Text = {
        en: `${printable(name)} is ${printable(state)}`,
        zh: `程序 ${printable(name)} 状态为 ${printable(state)}`,
      };
      const was = before.find((p) => p.name === name);
      if (was === undefined) return is;
      return isDown(was)
        ? { en: `${is.en}, and did not run before either`, zh: `${is.zh} (此前也未运行)` }
        : { en: `${is.en}, and ran before`, zh: `${is.zh} (此前在运行)` };
    });

/** Those that supervisord can't keep running, or that ran and have ended; what did not run before is no worse. */
export const failedSince = (now: readonly ProgramState[], before: readonly ProgramState[]): readonly ProgramState[] =>
  now.filter((p) => {
    const was = before.find(({ name }) => name === p.name);
    if (hasFailed(p)) return was === undefined || !isDown(was);
    return p.state === 'EXITED' && was !== undefined && !isDown(was);
  });

/**
 * Waits until supervisord's programs have come up, or not.
 *
 * @param before one that could not be kept running then is told; so is one that ran, and that this container's configuration does not start.
 *   Where nobody knows what ran, nothing is this container's doing.
 * @returns what does not run all the same.
 * @throws {OpsError} when one could not be kept running, or has ended.
 */
export async function requirePrograms(
  ops: Ops,
  container: string,
  before: readonly ProgramState[] | undefined,
): Promise<readonly Text[]> {
  let now: readonly ProgramState[] = [];
  const failure = await poll(ops, { everyMs: POLL_MS, forMs: ops.target.bootSeconds * 1000 }, async () => {
    now = await listPrograms(ops, container);
    return now.some(isUnsettled) ? undefined : 'settled';
  }).catch(ifFails(({ what }) => notTold(what)));
  if (typeof failure === 'object') return [failure];
  const fallen = before ? failedSince(now, before) : [];
  if (fallen.length > 0) throw notProved(...stillDown(fallen, before));
  return stillDown(now, before);
}

/**
 * Waits until what ran before runs again, and nothing beside it that was not there: supervisord has its former configuration.
 *
 * @throws {OpsError} `failed` when that does not come, after `bootSeconds`.
 */
export async function requireFormerPrograms(
  ops: Ops,
  container: string,
  before: readonly ProgramState[],
): Promise<void> {
  let wrong: readonly ProgramState[] = [];
  const isAsBefore = await poll(ops, { everyMs: POLL_MS, forMs: ops.target.bootSeconds * 1000 }, async () => {
    wrong = otherPrograms(await listPrograms(ops, container), before);
    return wrong.length === 0 || undefined;
  });
  if (!isAsBefore) throw notAsBefore(wrong);
}

/** Those that are new; those that ran and do not, with what became of them. */
function otherPrograms(now: readonly ProgramState[], before: readonly ProgramState[]): ProgramState[] {
  const added = now.filter((p) => before.every(({ name }) => name !== p.name));
  const ended = before
    .filter((p) => !isDown(p))
    .map((p) => now.find(({ name }) => name === p.name) ?? { ...p, state: '-' });
  return [...added, ...ended.filter(isDown)];
}

function notAsBefore(wrong: readonly ProgramState[]): OpsError {
  const list = wrong.map(({ name, state }) => `${printable(name)} ${printable(state)}`).join(', ');
  return failed({
    en: `supervisord's programs are not as before: ${list}`,
    zh: `supervisord 的程序与之前不同: ${list}`,
  });
}

const POLL_MS = 500;

const notTold = (why: Text): Text => ({
  en: `supervisord does not tell which programs run: ${why.en}`,
  zh: `supervisord 未能给出程序状态: ${why.zh}`,
});

/** What supervisord runs, and since when, whether or not anything of it serves. */
export function askSupervisor(ops: Ops, container: string): Promise<z.infer<typeof answer>> {
  const { root, schedulerVariable } = ops.target.app;
  const args = { schedulerVariable, marker: `${root}/${MARKER}` };
  return agent(ops, container, 'programs', { effect: 'read', args, answer });
}

/** Undefined where supervisord does not tell, or nothing serves the application. */
export const findProgramsIfAny = (ops: Ops, container: string): Promise<Programs | undefined> =>
  findPrograms(ops, container).catch(unlessInterrupted(() => undefined));

/** @throws {OpsError} `precondition` when there is no gunicorn that serves the application. */
export async function findPrograms(ops: Ops, container: string): Promise<Programs> {
  const { programs: all, said, uptime, booted, released } = await askSupervisor(ops, container);
  const web = all.find((p) => isGunicorn(p) && p.ports.includes(ops.target.ports.direct));
  if (web === undefined) throw noWebProgram(ops, all, said);
  const scheduler = schedulerOf(all, web);
  const others = all.filter((p) => p !== web && p !== scheduler && runsRelease(ops, p));
  const companions = [...given(scheduler, (it) => it), ...others];
  return { all, web, scheduler, companions, uptime, booted, released };
}

/** Of the gunicorns that are told to schedule, the one that was told so itself, and that runs the web program's application. */
export function schedulerOf(all: readonly Program[], web: Program | undefined): Program | undefined {
  const told = all.filter((p) => isGunicorn(p) && p.scheduler === 'true' && p !== web);
  const sameApplication = (p: Program) => p.argv.at(-1) === web?.argv.at(-1);
  const fits = (p: Program) => Number(!p.inherited) + Number(sameApplication(p));
  return told.toSorted((a, b) => fits(b) - fits(a))[0];
}

export const isGunicorn = ({ argv }: Program): boolean => argv.some((word) => word.endsWith('gunicorn'));

/** Python on the application's files. */
const runsRelease = ({ target }: Ops, { argv, cwd }: Program): boolean =>
  /(^|\/)python[\d.]*$/.test(argv[0] ?? '') && [cwd, ...argv].some((at) => `${at}/`.startsWith(`${target.app.root}/`));

function noWebProgram(ops: Ops, all: readonly Program[], said: string): OpsError {
  const seen = all.map((p) => `${p.name} ${p.state}`).join(', ') || said.trim();
  const port = ops.target.ports.direct;
  return unmet(
    {
      en: `None of supervisord's programs is a gunicorn that listens on port ${port}: ${seen}`,
      zh: `supervisord 的程序中没有监听 ${port} 端口的 gunicorn: ${seen}`,
    },
    {
      en: 'A full rebuild starts it from its image: npx tsx scripts/deploy-prod-all.ts --data keep',
      zh: '可通过全量重建从镜像重新启动: npx tsx scripts/deploy-prod-all.ts --data keep',
    },
  );
}
