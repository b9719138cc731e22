import { allEnded } from '../core/concurrency.ts';
import type { Ops } from '../core/ops.ts';
import type { PlannedStep } from '../core/step.ts';
import type { Health } from '../domain/app/health.ts';
import { claimStack } from '../domain/data/claim.ts';
import type { Consent, DestructiveRequest } from '../domain/data/consent.ts';
import { resolveStack } from '../domain/stack/compose-config.ts';
import { findContainers } from '../domain/stack/containers.ts';
import type { Stack } from '../domain/stack/stack.ts';
import { type App, appOf } from './app.ts';
import { type Chain, chainOf } from './chain.ts';
import { type Postgres, postgresOf, type WritablePostgres, writable } from './database.ts';
import type { FlagValues, OwnFlags } from './flags.ts';
import { type LogLine, lastOf } from './logs.ts';
import { type Output, outputOf, type Voice } from './output.ts';
import { type Redis, redisOf } from './redis.ts';
import type { Context } from './service.ts';
import { type Dollar, dollarOf } from './shell.ts';
import type { Words } from './words.ts';

/**
 * The deployment in a script's hand: what is there, and the few questions that people ask. Making it asks compose and the engine once;
 * a container that is down or missing says so when it is asked something.
 */
export interface Deployment<F extends OwnFlags = OwnFlags> extends Voice {
  /** The script's own options, as typed. */
  readonly flags: FlagValues<F>;
  /** The deploy directory, absolute. */
  readonly dir: string;
  /** The compose project as the engine would run it now. Its environments hold secrets in plain text: see `app.environment()`. */
  readonly stack: Stack;
  readonly app: App;
  readonly db: Postgres;
  readonly redis: Redis;
  /** {@link App.health} */
  health(): Promise<Health>;
  /** Where the way of a request is broken; asks each link by itself. Never throws because of what is broken. */
  chain(): Promise<Chain>;
  /** The last `lines` (default 100) of everything: three containers and all log files of the application, by time. */
  logs(lines?: number): Promise<readonly LogLine[]>;
  /** bash, for everything else. */
  readonly $: Dollar;
}

/** For a script that declares `changes: true`: it holds the deploy directory's lock, has a journal, and changes in steps. */
export interface WritableDeployment<F extends OwnFlags = OwnFlags> extends Deployment<F> {
  /**
   * Shows the steps (`--plan` ends here), asks once (`--yes`; for what destroys, its phrase), and carries them out, each journaled before
   * and after. When one fails, those that had begun are undone, newest first; in the end the application has to be as healthy as
   * it was. Once in a script.
   *
   * @throws {OpsError} `declined`; `failed` (exit code 1): it is proved that all is as before; `needs-person` (6): it is not.
   */
  steps(steps: readonly Step[], options?: StepsOptions): Promise<void>;
}

/** Inside a step, found anew: commands count as changes, and everything of the library that changes takes `ops`. */
export interface StepDeployment extends Deployment<OwnFlags> {
  readonly ops: Ops;
  readonly db: WritablePostgres;
  /** What was consented to. @throws {OpsError} `usage` when these steps asked for none. */
  consent(): Consent;
}

interface Found<F extends OwnFlags> {
  readonly deployment: Deployment<F>;
  readonly output: Output;
  readonly context: Context;
}

/**
 * @param use `change`: the stack has to be this directory's, and nobody else's at the moment.
 * @throws {OpsError} `config`: compose refuses the file, or it has not the three services; `command`: the engine does not answer; what
 *   {@link claimStack} throws.
 */
export async function deploymentOf<F extends OwnFlags>(
  ops: Ops,
  flags: FlagValues<F>,
  use: 'change' | 'look',
  effect: Context['effect'] = 'read',
): Promise<Found<F>> {
  const stack = await resolveStack(ops, { justLooking: true });
  if (use === 'change') await claimStack(ops, stack);
  const containers = await findContainers(ops, stack);
  // They may run by another name: then "not running" would not be true.
  if (Object.keys(containers).length === 0) await claimStack(ops, stack, 'look');
  const context: Context = { ops, stack, containers, effect };
  const [app, db, redis, output] = [
    appOf(context),
    postgresOf(context),
    redisOf(context),
    outputOf(ops.screen, (text) => ops.secrets.redact(text)),
  ];
  const { say, table, problem, fail } = output;
  const deployment = {
    flags,
    dir: ops.target.dir,
    stack,
    app,
    db,
    redis,
    health: app.health,
    chain: () => chainOf(context, app, db, redis),
    async logs(lines = 100) {
      const all = await allEnded([app.logs(lines), db.logs(lines), redis.logs(lines)]);
      return lastOf(all.flat(), lines);
    },
    $: dollarOf(context),
    say,
    table,
    problem,
    fail,
  };
  return { deployment, output, context };
}

/** The same for a step. */
export async function writableOf<F extends OwnFlags>(ops: Ops, flags: FlagValues<F>) {
  const { deployment, context } = await deploymentOf(ops, flags, 'change', 'change');
  return { ...deployment, db: writable(context, deployment.db) };
}

/** What a script does at once, and how it is taken back. */
export interface Step {
  /** Stable English name, for the journal: `stop-scheduler`. */
  readonly id: string;
  /** For people; default: the id. */
  readonly title?: Words;
  /** `changes` (default) production while it goes on serving. */
  readonly risk?: PlannedStep['risk'];
  /** What will be run, for the plan. */
  readonly commands?: readonly string[];
  /** What is lost for good. */
  readonly loses?: Words;
  /** What it returns is shown as evidence, if it is text. */
  readonly run: (step: StepDeployment) => Promise<unknown>;
  /**
   * Makes the world as it was before `run`; also called when `run` stopped in its middle, so it looks and does only what is missing.
   * Not interrupted by Ctrl-C.
   */
  readonly undo?: (step: StepDeployment) => Promise<unknown>;
}

export interface StepsOptions {
  /** Above the question; default: "Go on?" */
  readonly question?: Words;
  /** For what destroys: what is given up, and the phrase to be typed instead of the question. */
  readonly destroys?: DestructiveRequest;
}
