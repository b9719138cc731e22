import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { driftIn, environmentOf } from '../../adhoc/environment.ts';
import type { Ops } from '../../core/ops.ts';
import { type Reason, unmet } from '../../core/refusal.ts';
import { ask, read, run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { endpointsOf, healthCheck } from '../../domain/app/health.ts';
import { lookAround } from '../../domain/app/inventory.ts';
import { loginsAnew } from '../../domain/app/logins.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { isGunicorn, listPrograms, type Program } from '../../domain/app/programs.ts';
import { silentAfter } from '../../domain/app/recycling.ts';
import { readRevisions } from '../../domain/app/revisions.ts';
import { surveyRoutes } from '../../domain/app/routes.ts';
import { tryNextSite } from '../../domain/app/site.ts';
import { takeVitals } from '../../domain/app/vitals.ts';
import { lookAtWorkers } from '../../domain/app/workers.ts';
import { readEnv } from '../../domain/env/env.ts';
import { type ExampleFacts, exampleFacts } from '../../domain/env/example.ts';
import { builtArtefacts, isBuiltFrom } from '../../domain/release/artefact-stages.ts';
import { identifyRunning } from '../../domain/release/running.ts';
import { stoppedOf } from '../../domain/replacement/stopped.ts';
import { findBrokenBinds } from '../../domain/stack/binds.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { findAllContainers, findContainers } from '../../domain/stack/containers.ts';
import { findChangedNetworks } from '../../domain/stack/networks.ts';
import { findOwners } from '../../domain/stack/owners.ts';
import { several, unsettled } from '../../domain/stack/replicas.ts';
import { loginOf, type ServiceRole, type Stack } from '../../domain/stack/stack.ts';
import { composeVersion } from '../../tools/docker/compose.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { serverVersion } from '../../tools/docker/docker.ts';
import { findEngine } from '../../tools/docker/engine-api.ts';
import { historyOf } from '../../tools/docker/history.ts';
import { seenAt } from '../../tools/files/seen.ts';
import { inspectCheckout } from '../../tools/git/checkout.ts';
import { git } from '../../tools/git/git.ts';
import { treeOf } from '../../tools/git/tree.ts';
import { servedCertificate } from '../../tools/http/certificate.ts';
import { GLANCE_MS } from '../../tools/http/within.ts';
import { inspectHba } from '../../tools/pg-hba/rules.ts';
import { usedCollations } from '../../tools/postgres/collation.ts';
import { serverCondition, usedSequences } from '../../tools/postgres/condition.ts';
import { type Database, type PgServer, query } from '../../tools/postgres/psql.ts';
import { askedFor } from '../../tools/postgres/wire.ts';
import { redisInfo } from '../../tools/redis/info.ts';
import { asked, askedOf, type Later, later, unknown } from './asked.ts';
import type { Asked, ContainerFacts, EngineFacts, FrontEndFacts, MountedFile, OpenPort } from './facts.ts';
import { hostFacts } from './host.ts';
import { ourFacts } from './ours.ts';

const CONNECT_MS = 4_000;

/** All that can be asked, each group by itself, so that half a stack that is down is still diagnosed. No secrets. */
function questions(ops: Ops) {
  const is = <T>(question: () => Promise<T> | T) => later(() => asked(ops, question));
  const of = <const D extends Parameters<typeof askedOf>[1], T>(
    stands: D,
    question: Parameters<typeof askedOf<D, T>>[2],
  ) => later(() => askedOf<D, T>(ops, stands, question));
  const { target } = ops;

  const engine = is(() => engineFacts(ops));
  const stack = is(() => resolveStack(ops, { justLooking: true }));
  const env = is(() => readEnv(ops));
  const containers = of([engine, stack], (_, project) => containerFacts(ops, project));
  const owners = of([engine, stack], (_, project) => findOwners(ops, project));
  const replicas = of([stack], async (project) => {
    const all = Object.entries(await findAllContainers(ops, project)) as [ServiceRole, readonly Container[]][];
    const found = all.map(([role, of]) => [role, several(project.services[role].key, of) ?? unsettled(of)] as const);
    return Object.fromEntries(found.filter(([, reason]) => reason)) as Partial<Record<ServiceRole, Reason>>;
  });
  const networks = of([stack], () => findChangedNetworks(ops));
  const binds = of([stack, containers], (project, found) => findBrokenBinds(ops, project, found));
  const running = (role: ServiceRole) => of([containers], (found) => runningOf(role, found[role]));
  const [app, server, cache] = [running('app'), running('postgres'), running('redis')];

  // What can be asked from outside.
  const askPorts = () => askedOf(ops, [stack, containers], (project, found) => openPorts(ops, project, found));
  const askHealth = () =>
    askedOf(ops, [app], (container) => healthCheck(ops, endpointsOf(target, container), { timeoutMs: GLANCE_MS }));
  const [ports, health] = [later(askPorts), later(askHealth)];
  const served = of([app], async ({ ports: all }) => {
    const tls = all.filter((p) => p.target === TLS && p.protocol === 'tcp');
    const found = await Promise.all(
      tls.map((p) => servedCertificate(ops, addressOf(p.hostIp, p.published), CONNECT_MS)),
    );
    return found.filter((c) => c !== undefined);
  });

  // What only the application's container can tell.
  const programs = of([app], ({ id }) => listPrograms(ops, id));
  const workers = of([app, programs], ({ id }, all) =>
    Promise.all(
      all
        .filter((p) => p.pid !== 0 && isGunicorn(p) && !p.changesUser)
        .map(async (p) => {
          const workers = await lookAtWorkers(ops, id, p.pid, { silent: silentAfter(p), seconds: 0 });
          return { program: p.name, workers };
        }),
    ),
  );
  const vitals = of([app], (container) => takeVitals(ops, container.id, Object.keys(container.binds)));
  const mounts = of([app, vitals], ({ binds: sources }, { mounts: inside }) =>
    'notAsked' in inside ? [] : inside.flatMap((m) => mountedFile(sources[m.path] ?? '', m)),
  );
  const site = of([app, env], ({ id }, reading) => {
    // Rendering reads .env as the start script does, which executes what stands in it.
    if (reading.kind !== 'present' || reading.findings.some((f) => f.severity === 'error')) throw notReadable();
    return tryNextSite(ops, id, nginxVariables(reading));
  });
  const askRoutes = () =>
    askedOf(ops, [app, programs], async (container, all) => {
      const { routes: found, unwatched } = await surveyRoutes(ops, container, all, GLANCE_MS);
      return { found: found.map(({ path, fault }) => ({ path, fault })), unwatched };
    });
  const routes = later(askRoutes);
  const web = (all: readonly Program[]) => all.find((p) => p.ports.includes(target.ports.direct));
  const logins = of([app, programs, stack, env], ({ id }, all, project, reading) =>
    loginsAnew(ops, id, web(all)?.pid ?? 0, { ...project.services.app.environment, ...valuesOf(reading) }),
  );
  const drift = of([app, programs, stack, containers], async (container, all, project, found) => {
    const context = { ops, stack: project, containers: found, effect: 'read' } as const;
    return driftIn(await environmentOf(context, container, web(all)?.pid), target);
  });

  // What was released.
  const checkout = is(async () => {
    const found = await inspectCheckout(ops, target.dir);
    if (found === undefined) throw unmet(NO_REPOSITORY);
    return found;
  });
  const code = of([app, checkout], async (container, { commit }) => {
    const surroundings = await lookAround(ops, container.id, []);
    return identifyRunning(ops, surroundings, container.imageId, commit);
  });
  const pg = of([server, stack], (container, project) => serverOf(container, project));
  const schema = of([app, pg], async ({ id }, database) => {
    const [row] = await query<{ revision: string | null }>(ops, database, REVISION, { deadlineMs: 6_000 });
    const revision = row?.revision ?? undefined;
    return { revision, ...(await readRevisions(ops, id, target.app.root, revision)) };
  });
  const frontend = of([app, stack, checkout], ({ id }, project, { commit }) => frontendFacts(ops, id, project, commit));

  // The two stores.
  const postgres = of([pg], (database) => serverCondition(ops, database));
  const collations = of([pg], (database) => usedCollations(ops, database));
  const sequences = of([pg], (database) => usedSequences(ops, database));
  const hba = of([pg, postgres], (database) => inspectHba(ops, database as Database));
  const wire = of([server, stack], (container, project) => {
    const { user, name } = loginOf(project);
    return askedFor(
      ops,
      { host: ownAddress(container), port: target.ports.postgres },
      { user, database: name },
      CONNECT_MS,
    );
  });
  const redis = of([cache, stack], ({ id }, project) =>
    redisInfo(ops, id, project.services.app.environment.REDIS_PASSWORD ?? ''),
  );

  return {
    at: is(() => ({ now: ops.clock.now(), target })),
    ...{
      engine,
      stack,
      containers,
      owners,
      replicas,
      networks,
      binds,
      mounts,
      ports,
      health,
      routes,
      served,
      programs,
      workers,
      vitals,
      site,
    },
    ...{ logins, env, drift, checkout, schema, frontend, postgres, sequences, collations, hba, wire, redis },
    running: code,
    example: of([env], (reading) => exampleOf(ops, valuesOf(reading))),
    exposed: of([stack], ({ services }) =>
      [...services.postgres.ports, ...services.redis.ports].filter((p) => !/^127\.|^::1$/.test(p.hostIp)),
    ),
    host: is(async () => {
      const found = await containers();
      return hostFacts(ops, found.known ? found.value : {});
    }),
    ours: is(() => ourFacts(ops)),
    again: { ports: askPorts, health: askHealth, routes: askRoutes },
  };
}

type Questions = Omit<ReturnType<typeof questions>, 'again'>;

/** What was answered, at one moment; of a group, or why it could not be asked. */
export type Facts = { readonly [G in keyof Questions]: Awaited<ReturnType<Questions[G]>> };

/** Asks what is wanted, side by side, and what that stands on. Changes nothing, and takes no lock. */
export async function gather(ops: Ops, wanted: ReadonlySet<keyof Facts>): Promise<Facts> {
  const { again, ...facts } = questions(ops);
  const groups = Object.entries(facts) as [keyof Facts, Later<Asked<unknown>>][];
  const entries = groups.map(async ([group, ask]) => [group, wanted.has(group) ? await ask() : NOT_WANTED]);
  const all = Object.fromEntries(await Promise.all(entries)) as Facts;
  // Where processors are short, our own questions keep others waiting: who did not answer is asked once more, when all else is done.
  const { ports: open, health: checked, routes: found } = all;
  const [portsNow, healthNow, routesNow] = await Promise.all([
    open.known && open.value.some((p) => !p.open) ? again.ports() : open,
    checked.known && checked.value.checks.some((c) => c.outcome === 'timeout') ? again.health() : checked,
    found.known && found.value.found.some((r) => r.fault) ? again.routes() : found,
  ]);
  return { ...all, ports: portsNow, health: healthNow, routes: routesNow };
}

const NOT_WANTED = unknown({ en: 'no check that was chosen wants it', zh: '所选检查项不需要' });
const TLS = 443;
const REVISION = `SELECT json_build_object('revision', (SELECT version_num FROM alembic_version LIMIT 1))`;

async function engineFacts(ops: Ops): Promise<EngineFacts> {
  const [version, compose, { endpoint }] = await Promise.all([
    ask(ops, { ...serverVersion(), deadlineMs: 5_000 }),
    run(ops, composeVersion(), [0, 1, 16, 125]),
    findEngine(ops),
  ]);
  const elsewhere =
    endpoint === '' || endpoint.startsWith('unix://') ? undefined : endpoint.replace(/\/\/[^/@]*@/, '//');
  return { version, compose: /(\d+\.\d+\S*)/.exec(compose.exitCode === 0 ? compose.stdout : '')?.[1], elsewhere };
}

async function containerFacts(ops: Ops, stack: Stack): Promise<Readonly<Partial<Record<ServiceRole, ContainerFacts>>>> {
  const found = await findContainers(ops, stack);
  const all = Object.values(found);
  const roles = Object.keys(found) as ServiceRole[];
  const [history, wanted] = await Promise.all([
    historyOf(
      ops,
      all.map((c) => c.id),
    ),
    Promise.all(
      roles.map(async (role) => {
        const inspect = read(['docker', 'image', 'inspect', '-f', '{{.Id}}', stack.services[role].image]);
        return (await run(ops, inspect, [0, 1])).stdout.trim() || undefined;
      }),
    ),
  ]);
  return Object.fromEntries(
    roles.flatMap((role, at) => {
      const container = found[role];
      const past = container && history.get(container.id);
      const moved = container && role === 'app' ? stoppedOf(ops, { app: container }).app?.moved : undefined;
      return container && past ? [[role, { ...container, ...past, moved, wantedImageId: wanted[at] }]] : [];
    }),
  );
}

function runningOf(role: ServiceRole, container: ContainerFacts | undefined): ContainerFacts {
  if (container?.state === 'running') return container;
  const is = container?.state ?? 'missing';
  throw unmet({ en: `the container of ${role} does not run (${is})`, zh: `${role} 的容器未运行 (${is})` });
}

function openPorts(
  ops: Ops,
  stack: Stack,
  found: Readonly<Partial<Record<ServiceRole, Container>>>,
): Promise<OpenPort[]> {
  const roles = Object.keys(stack.services) as ServiceRole[];
  const wanted = roles.flatMap((role) =>
    found[role]?.state === 'running' ? stack.services[role].ports.map((port) => ({ ...port, role })) : [],
  );
  return Promise.all(
    wanted
      .filter((p) => p.protocol === 'tcp')
      .map(async (port) => ({ ...port, open: await isOpen(ops, addressOf(port.hostIp, port.published)) })),
  );
}

function isOpen(ops: Pick<Ops, 'net'>, address: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = ops.net.connect(address);
    const end = (open: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(open);
    };
    // Of a process that was kept waiting for a processor both may be due: the answer counts.
    const timer = setTimeout(() => setImmediate(() => end(false)), CONNECT_MS);
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
  });
}

/** A port on all addresses is asked on loopback. */
function addressOf(hostIp: string, port: number): { readonly host: string; readonly port: number } {
  const everywhere: Readonly<Record<string, string>> = { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: everywhere[hostIp] ?? hostIp, port };
}

/** Whether a container still has what lies there; of what this user can't look at, nothing is said. */
export function mountedFile(
  source: string,
  { path: target, inode }: { readonly path: string; readonly inode: number | null },
): MountedFile[] {
  const there = seenAt(source);
  if (there === null) return [];
  if (there === undefined) return [{ source, target, state: 'gone' }];
  return [{ source, target, state: there.isDirectory() || there.ino === inode ? 'same' : 'old' }];
}

type Reading = Awaited<ReturnType<typeof readEnv>>;
const valuesOf = (reading: Reading): Readonly<Record<string, string>> =>
  reading.kind === 'present' ? reading.values : {};
const nginxVariables = (reading: Reading) =>
  Object.fromEntries(Object.entries(valuesOf(reading)).filter(([name]) => name.startsWith('WHALEFALL_')));

const serverOf = (container: Container, stack: Stack): PgServer => ({ container, ...loginOf(stack) });

function ownAddress({ addresses, name }: Container): string {
  const address = Object.values(addresses).find((a) => a !== '');
  if (address) return address;
  throw unmet({ en: `${name} has no address of its own`, zh: `${name} 没有容器地址` });
}

/** Of the first artefact, which is the front end; what a build leaves among its sources does not count as one. */
async function frontendFacts(ops: Ops, container: string, stack: Stack, commit: string): Promise<FrontEndFacts> {
  const { dir, release } = ops.target;
  const artefact = release.artefacts[0];
  if (artefact === undefined) return { changed: undefined, current: undefined };
  const { to, from = `${path.posix.dirname(to)}/` } = artefact;
  // Paths are literal here: what is beside the build is named one by one.
  const inside = await ask(ops, git(dir, ['ls-tree', '--name-only', 'HEAD', from]), [0, 128]);
  const sources = inside.split('\n').filter((name) => name !== '' && name !== to);
  if (sources.length === 0) return { changed: undefined, current: undefined };
  const said = await ask(ops, git(dir, ['log', '-1', '--format=%ct', '--', ...sources]), [0, 128]);
  return { changed: said === '' ? undefined : Number(said), current: await isCurrent(ops, container, stack, commit) };
}

/** Only of what a stage of the Dockerfile makes: what was built on this machine may be of any sources. */
async function isCurrent(ops: Ops, container: string, stack: Stack, commit: string): Promise<boolean | undefined> {
  const [[built], marker] = await Promise.all([
    builtArtefacts(ops, stack, commit, await treeOf(ops, commit)),
    readMarker(ops, container),
  ]);
  return marker && built?.made ? isBuiltFrom(ops, built, marker, commit) : undefined;
}

const notReadable = () =>
  unmet({ en: '.env can’t be read as it should (env.readable)', zh: '.env 无法正常解读 (env.readable)' });

const NO_REPOSITORY: Text = {
  en: 'the deploy directory is not a git repository with a commit',
  zh: '部署目录不是含有提交的 git 仓库',
};

/** `.env` against the example that lies in the deploy directory. */
function exampleOf({ target }: Ops, values: Readonly<Record<string, string>>): ExampleFacts {
  const file = path.join(target.dir, target.envExample);
  return exampleFacts(values, existsSync(file) ? readFileSync(file, 'utf8') : '');
}
