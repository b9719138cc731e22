import type { Ops } from '../../core/ops.ts';
import { notProved } from '../../core/refusal.ts';
import { run } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import { printable, same, type Text } from '../../core/text.ts';
import { describeHealth, type Health } from '../../domain/app/health.ts';
import { requireRoutes, watchedOf } from '../../domain/app/routes.ts';
import { waitUntilServing } from '../../domain/app/serving.ts';
import { type DowntimeWatch, type Noticed, outageText, watchDowntime } from '../../domain/hold/downtime.ts';
import { type RequestHold, requestHold, type Seen } from '../../domain/hold/hold.ts';
import { holdCommands, releaseCommands } from '../../domain/hold/messages.ts';
import type { HoldFacts } from '../../domain/hold/survey.ts';
import { haltAgain, haltHeld } from '../../domain/replacement/app-container.ts';
import { type Former, giveBack, halt, type Replacement, takeOver } from '../../domain/replacement/replace.ts';
import { waitUntilHealthy } from '../../domain/replacement/served.ts';
import { databasePassword, ownAddress } from '../../domain/replacement/stack-facts.ts';
import { noteStop } from '../../domain/replacement/stopped.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import type { Served } from '../../domain/stack/deployment.ts';
import { loginOf, type Stack } from '../../domain/stack/stack.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { rename, start } from '../../tools/docker/docker.ts';
import { inspectHba } from '../../tools/pg-hba/hba.ts';
import { identify } from '../../tools/postgres/identity.ts';
import { canLogIn, setPassword } from '../../tools/postgres/login.ts';
import type { Database } from '../../tools/postgres/psql.ts';
import { waitForPostgres } from '../../tools/postgres/ready.ts';

// What going on and coming back have in common: the application stops, another container of PostgreSQL takes the place of the one that
// serves, and the application starts again.

const READY_MS = 120_000;

/** How far it has come; filled step by step. */
export interface Progress {
  /** PostgreSQL's container that was in use, once it has begun to lose its place. */
  former?: Former;
  next?: string;
  swapping?: boolean;
  stopping?: boolean;
  starting?: boolean;
}

/** What is going to serve. */
export interface Coming {
  readonly replacement: Replacement;
  readonly major: string;
  /** Of its cluster. */
  readonly systemIdentifier: string;
}

export interface Surroundings {
  readonly stack: Stack;
  readonly app: Container | undefined;
  readonly served: Served | undefined;
  readonly holdFacts: HoldFacts;
  readonly hold: RequestHold;
  readonly downtime: DowntimeWatch;
  readonly progress: Progress;
}

/** What a run has to do with, of which nothing has happened yet. */
export const surroundings = (
  stack: Stack,
  app: Container | undefined,
  holdFacts: HoldFacts,
  served: Served | undefined,
): Surroundings => ({
  stack,
  app,
  served,
  holdFacts,
  hold: requestHold(holdFacts),
  // What does not serve can't go down.
  downtime: watchDowntime({
    app: app?.state === 'running' ? app : undefined,
    routes: watchedOf(served),
    hold: holdFacts,
  }),
  progress: {},
});

/** What became of requests. */
export interface Requests {
  readonly noticed: Noticed | undefined;
  readonly seen: Seen;
}

/** Once it has ended. */
export const requestsOf = async ({ downtime, hold }: Surroundings): Promise<Requests> => ({
  noticed: await downtime.stop(),
  seen: hold.seen,
});

/** Undefined where no application serves. */
export function stopStep({ app, served, hold, holdFacts, downtime, progress }: Surroundings): Step | undefined {
  if (app?.state !== 'running') return undefined;
  return {
    id: 'stop',
    title: { en: 'Stop the application: nothing writes any more', zh: '停止应用, 不再有写入' },
    risk: holdFacts.kind === 'holds' ? 'changes' : 'interrupts',
    commands: [...holdCommands(holdFacts), `docker stop ${app.name}`],
    wayBack: { en: 'the same container is started again', zh: '重新启动原容器' },
    async run(ops) {
      downtime.start(ops);
      await hold.begin(ops, app, { drains: true });
      progress.stopping = true;
      noteStop(ops, app);
      await haltHeld(ops, app, hold);
    },
    async undo(ops) {
      if (!progress.stopping) return;
      // An engine that was asked to stop goes on with it: so the stop comes first to its end.
      await halt(ops, 'app', app);
      await run(ops, start(app.id));
      const now = await inspectContainer(ops, app.id);
      if (hold.holding) await waitUntilServing(ops, now, hold, served).catch(() => undefined);
      await hold.release(ops, now);
    },
  };
}

/** @param before what is written down first, so that whoever finds this run dead knows the way back. */
export function swapStep<A extends readonly unknown[]>(
  { stack, progress }: Surroundings,
  former: Container | undefined,
  before: (ops: Ops, ...given: A) => Promise<Coming>,
): Step<Database, A> {
  const name = former?.name ?? '<postgres>';
  return {
    id: 'swap',
    title: { en: 'Put the other PostgreSQL in the place of the current one', zh: '由另一个 PostgreSQL 接替当前实例' },
    risk: 'interrupts',
    commands: [
      ...(former ? [`docker stop ${name}`, `docker rename ${name} ${name}-before-…`] : []),
      `docker rename ${name}-next-… ${name}; docker start ${name}`,
      { en: 'log in over TCP as the application will', zh: '以应用身份经 TCP 登录' },
    ],
    wayBack: {
      en: 'the very container that served is started again, on its own volume',
      zh: '原容器及其数据卷保留, 直接重新启动',
    },
    async run(ops, ...given) {
      const coming = await before(ops, ...given);
      const { replacement } = coming;
      if (replacement.former) progress.former = replacement.former;
      progress.next = replacement.next;
      progress.swapping = true;
      if (replacement.former) {
        noteStop(ops, replacement.former.container);
        await halt(ops, 'postgres', replacement.former.container);
        await takeOver(ops, replacement);
      } else if ((await inspectContainer(ops, replacement.next)).name !== replacement.name) {
        await run(ops, rename(replacement.next, replacement.name));
      }
      await run(ops, start(replacement.next));
      return proveServer(ops, stack, coming);
    },
    evidence: ({ container }, ..._given) => same(printable(container.name)),
    async undo(ops, ..._given) {
      if (!progress.swapping) return;
      if (progress.former)
        await giveBack(ops, stack, { role: 'postgres', former: progress.former, next: progress.next });
    },
  };
}

/** It is the server that was meant, and lets in whom it should. */
async function proveServer(
  ops: Ops,
  stack: Stack,
  { replacement, major, systemIdentifier }: Coming,
): Promise<Database> {
  const login = loginOf(stack);
  const starting = await inspectContainer(ops, replacement.next);
  await waitForPostgres(ops, { container: starting, ...login }, READY_MS);
  const container = await inspectContainer(ops, replacement.next);
  const mount = container.mounts.find((m) => m.kind === 'volume');
  const database: Database = { container, ...login, volume: { name: mount?.source ?? '', createdAt: '' } };
  const identity = await identify(ops, database);
  if (identity.systemIdentifier !== systemIdentifier || identity.major !== major) {
    throw notProved({
      en: `the server is PostgreSQL ${identity.major} with cluster ${identity.systemIdentifier}, not ${major} with ${systemIdentifier}`,
      zh: `当前实例为 PostgreSQL ${identity.major}, 集群 ${identity.systemIdentifier}, 而应为 ${major}, 集群 ${systemIdentifier}`,
    });
  }
  const from = { container: container.id, host: ownAddress({ stack }, container) };
  const password = databasePassword(stack);
  let can = await canLogIn(ops, database, from, password);
  if (can === 'wrong-password') {
    // It has been in use before, and the password was changed since.
    await setPassword(ops, database, password);
    can = await canLogIn(ops, database, from, password);
  }
  if (can !== 'yes') {
    const why = typeof can === 'object' ? can.error : can;
    throw notProved({ en: `the application could not log in: ${why}`, zh: `应用无法登录: ${why}` });
  }
  const hba = await inspectHba(ops, database);
  if (hba.remoteTrust.length > 0)
    throw notProved({ en: 'it lets anybody in without a password', zh: '它允许外部免密登录' });
  return database;
}

export function startStep({ app, served, hold, holdFacts, progress }: Surroundings): Step<Health> | undefined {
  if (app === undefined) return undefined;
  return {
    id: 'start',
    title: { en: 'Start the application and wait until it is healthy', zh: '启动应用并等待健康检查通过' },
    risk: holdFacts.kind === 'holds' ? 'changes' : 'interrupts',
    commands: [`docker start ${app.name}`, ...releaseCommands(holdFacts)],
    wayBack: {
      en: 'it is stopped again; what it wrote meanwhile stays in the volume of the server that it ran on',
      zh: '再次停止应用; 期间写入的数据保留在当时所用 PostgreSQL 的卷中',
    },
    async run(ops) {
      progress.starting = true;
      await run(ops, start(app.id));
      const now = await inspectContainer(ops, app.id);
      const health = await waitUntilServing(ops, now, hold, served);
      await hold.release(ops, now);
      return health;
    },
    evidence: describeHealth,
    async undo(ops) {
      // What ran before this run goes on.
      if (!progress.starting || (app.state === 'running' && !progress.stopping)) return;
      await haltAgain(ops, app, hold);
    },
  };
}

export function proveStep({ app: before, stack, served }: Surroundings): Step<Text> {
  return {
    id: 'prove',
    title: { en: 'Prove it', zh: '逐项验证' },
    risk: 'none',
    commands: [
      {
        en: 'both health checks by the published ports; pages and routes',
        zh: '经发布端口进行两项健康检查; 检查页面与路由',
      },
    ],
    async run(ops) {
      if (before === undefined) return NOT_RUNNING;
      const { app } = await findContainers(ops, stack);
      if (app === undefined) throw notProved(NOT_RUNNING);
      const health = await waitUntilHealthy(ops, app);
      const amiss = served ? await requireRoutes(ops, app, served, { mayDrop: false }) : [];
      for (const text of amiss) ops.screen.show({ event: 'warning', text });
      return describeHealth(health);
    },
    evidence: (text) => text,
  };
}

const NOT_RUNNING: Text = { en: 'the application has no container', zh: '没有应用容器' };

/** After undoing: the same PostgreSQL on the same data, and the application as it was. */
export async function proveAsBefore(ops: Ops, around: Surroundings, before: Cluster | undefined): Promise<Text> {
  const proof = await asBefore(ops, around, before);
  const noticed = await around.downtime.stop();
  if (noticed === undefined) return proof;
  const down = outageText(noticed);
  return { en: `${proof.en} Production was down: ${down.en}`, zh: `${proof.zh} 服务实际中断: ${down.zh}` };
}

type Cluster = Pick<Coming, 'systemIdentifier'>;

async function asBefore(ops: Ops, { stack, app }: Surroundings, before: Cluster | undefined): Promise<Text> {
  const now = await findContainers(ops, stack);
  if (before) {
    if (now.postgres?.state !== 'running') throw notProved({ en: 'PostgreSQL does not run', zh: 'PostgreSQL 未运行' });
    const server = { container: now.postgres, ...loginOf(stack) };
    await waitForPostgres(ops, server, READY_MS);
    const { systemIdentifier } = await identify(ops, server);
    if (systemIdentifier !== before.systemIdentifier)
      throw notProved({ en: 'another cluster serves', zh: '当前运行的是另一个集群' });
  }
  if (app?.state !== 'running' || now.app === undefined) return AS_BEFORE;
  const said = describeHealth(await waitUntilHealthy(ops, now.app));
  return { en: `${AS_BEFORE.en} ${said.en}`, zh: `${AS_BEFORE.zh} ${said.zh}` };
}

const AS_BEFORE: Text = {
  en: 'PostgreSQL is the one from before, on its own data.',
  zh: 'PostgreSQL 仍是原来的实例与数据.',
};
