import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Ops, uninterruptible } from '../../core/ops.ts';
import { refuse } from '../../core/refusal.ts';
import { asTyped, ifFails, run } from '../../core/run.ts';
import { orWarn, say } from '../../core/screen.ts';
import { printable } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import {
  bodyOf,
  createFrom,
  type Definition,
  definitionOf,
  definitionSchema,
  startsAgain,
  variablesOf,
  withVariables,
  withVolumesOf,
} from '../../tools/docker/definition.ts';
import { rename, setRestart, start, stop } from '../../tools/docker/docker.ts';
import { discardContainer } from '../../tools/docker/helpers.ts';
import { readAs } from '../../tools/files/json.ts';
import { copyUserdata, neverServed } from '../app/userdata.ts';
import { registerVariables } from '../env/secrets.ts';
import { nameRunning } from '../images/running.ts';
import { findImage } from '../images/stand-in.ts';
import { movedSince } from '../ledger/moved-data.ts';
import { findAllContainers, inUse, isUp, properName, standbyName, standbyRole } from '../stack/containers.ts';
import { planService } from '../stack/create-service.ts';
import { refuseReplicas } from '../stack/replicas.ts';
import type { ServiceRole, Stack } from '../stack/stack.ts';
import { isToRun, stoppedBy, takenDownBy } from './stopped.ts';

/** A service's container and the one that takes its place. Neither is gone before the new one is proved. */
export interface Replacement {
  readonly role: ServiceRole;
  readonly former: Former | undefined;
  /** How the new one will be called. */
  readonly name: string;
  /** Id of the new one. */
  readonly next: string;
}

/** What there was. Its definition makes it again where it had to go together with its data. */
export interface Former {
  readonly container: Container;
  /** See {@link isToRun}. */
  readonly ran: boolean;
  readonly definition: Definition;
  /** The definition as the engine takes it, for a person: 0600, because secrets are in it. */
  readonly file: string;
}

/** gunicorn finishes requests for up to 30 s. PostgreSQL and Redis write out what they have; killed, they would have to recover. */
const GRACE_SECONDS: Readonly<Record<ServiceRole, number>> = { app: 35, postgres: 60, redis: 60 };

type Stoppable = Pick<Container, 'id' | 'stopSeconds'>;

/** Seconds; what the compose file gives it, if that is more. */
export const graceOf = (role: ServiceRole, { stopSeconds }: Pick<Container, 'stopSeconds'>): number =>
  Math.max(GRACE_SECONDS[role], stopSeconds);

/** Stops a service's container; whoever was asked something is answered first. */
export const halt = (ops: Ops, role: ServiceRole, container: Stoppable): Promise<unknown> =>
  run(ops, stop(container.id, graceOf(role, container)));

/** What the container is made of, kept as long as the run's directory. */
export async function describeFormer(ops: Ops, role: ServiceRole, container: Container): Promise<Former> {
  const found = await definitionOf(ops, container.id);
  registerVariables(ops.secrets, variablesOf(found));
  const HostConfig = { ...found.HostConfig, ...restartBefore(ops, role, container) };
  // By its image's id: the name may mean another one when it is made again.
  const present = role === 'app' ? found.Image : await findImage(ops, role, container);
  const Image = typeof present === 'string' ? present : found.Image;
  const definition = { ...found, HostConfig, Config: { ...found.Config, Image } };
  const file = path.join(ops.paths.run, `before-${role}.json`);
  writeFileSync(file, JSON.stringify(bodyOf(definition)), { mode: 0o600 });
  const ran = isToRun(role, container, stoppedBy(ops, container));
  return { container, ran, definition, file };
}

const ITS_HOST_CONFIG = definitionSchema.pick({ HostConfig: true });

type HostConfig = Definition['HostConfig'];

/**
 * The restart policy of one that a killed run stopped, as that run had found it: it took it away, see {@link keepStopped}. One that is not to
 * run is not started by the machine either.
 */
function restartBefore(ops: Ops, role: ServiceRole, container: Container): Pick<HostConfig, 'RestartPolicy'> {
  const stamp = takenDownBy(ops, container);
  if (stamp === undefined || (role === 'app' && movedSince(ops.paths, stamp))) return {};
  const runs = path.dirname(ops.paths.run);
  const of = readdirSync(runs).filter((name) => name.startsWith(`${stamp}-`));
  const file = of.map((name) => path.join(runs, name, `before-${role}.json`)).find(existsSync);
  const before = file && readAs(ITS_HOST_CONFIG, file); // may be damaged by a power cut
  return before ? { RestartPolicy: before.HostConfig.RestartPolicy } : {};
}

/** It does not start by itself, should the machine go down: it would meet what is no longer its own. */
export async function keepStopped(ops: Ops, { container, definition }: Former): Promise<void> {
  if (startsAgain(definition)) await run(ops, setRestart(container.id, 'no'));
}

interface Making {
  readonly former?: Former | undefined;
  readonly definition?: Definition | undefined;
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Makes a service's new container beside the one that goes on serving; nothing is bound and nothing started. Without one to be replaced
 * it has its own name at once.
 *
 * @param of.definition what it is made of; default: what the compose file says.
 * @param of.variables what it has besides.
 */
export async function createBeside(
  ops: Ops,
  stack: Stack,
  role: ServiceRole,
  { former, definition, variables = {} }: Making = {},
): Promise<Replacement> {
  await clearAway(ops, stack, role, former);
  const planned = definition
    ? {
        definition: former ? withVolumesOf(definition, former.definition) : definition,
        name: properName(definition.Name.replace(/^\//, '')),
      }
    : await planService(ops, stack, stack.services[role], former?.definition);
  const name = former ? standbyName(planned.name, 'next', ops.paths.run) : planned.name;
  const next = await createFrom(ops, withVariables(planned.definition, variables), name);
  return { role, former, name: planned.name, next };
}

/**
 * Those that a killed run had made, and that never took a place, or lost it again. What one that does not stay up was given while it served is
 * kept.
 *
 * @throws {OpsError} `precondition` when somebody has started another one since the survey: that is not ours to remove.
 */
async function clearAway(ops: Ops, stack: Stack, role: ServiceRole, former: Former | undefined): Promise<void> {
  const all = (await findAllContainers(ops, stack))[role];
  refuseReplicas(stack, { [role]: all });
  const kept = former?.container.id ?? inUse(all)?.id;
  for (const c of all.filter(({ id }) => id !== kept)) {
    if (standbyRole(c) === 'before') continue;
    if (isUp(c)) throw runsBeside(c);
    if (role === 'app' && !standbyRole(c) && !neverServed(c)) await keepItsUserdata(ops, c);
    await discardContainer(ops, c.id);
  }
}

async function keepItsUserdata(ops: Ops, container: Container): Promise<void> {
  await halt(ops, 'app', container);
  const name = printable(container.name);
  const kept = await copyUserdata(
    ops,
    container,
    path.join(ops.paths.run, `userdata-${container.id.slice(0, 12)}.tar`),
  );
  if (!kept) return;
  say(ops.screen, 'warning', {
    en: `${name} does not stay up, and is removed. A copy of its userdata, for whatever came in while it served, is in ${kept.file}.`,
    zh: `${name} 无法稳定运行, 将被移除. 其 userdata (可能含其服务期间写入的文件) 已备份到 ${kept.file}.`,
  });
}

const runsBeside = ({ id, name }: Container) =>
  refuse(
    {
      en: `${printable(name)} was started after this run had looked, and may hold what nothing else does: it is not removed.`,
      zh: `${printable(name)} 在本次检查之后被启动, 其中可能有唯一的数据, 因此不会移除.`,
    },
    {
      en: `Run this again: it is looked at anew. If it is not to serve: docker stop ${id.slice(0, 12)}`,
      zh: `请重新运行, 将再次检查. 若不应由它提供服务: docker stop ${id.slice(0, 12)}`,
    },
  );

/**
 * One that had a place, or was to have it, waits again: it does not start by itself, and nobody takes it for what production is. The name first:
 * a stop takes as long as its programs like, and a run may be killed meanwhile.
 */
export async function withdraw(ops: Ops, role: ServiceRole, container: Container): Promise<void> {
  await setAside(ops, role, container);
  if (container.state !== 'created') await halt(ops, role, container);
}

/** The same of one that somebody else stops. */
export async function setAside(ops: Ops, role: ServiceRole, container: Container): Promise<void> {
  const { id, name, state } = container;
  if (!standbyRole(container)) {
    const aside = rename(id, standbyName(name, 'next', ops.paths.run));
    const stopFirst = async () => {
      await halt(ops, role, container);
      await run(ops, aside);
    };
    // The engine refuses it while one that has ended is about to start again: in a crash loop there is no good moment.
    await run(ops, aside).catch(ifFails(stopFirst));
  }
  if (state !== 'created' && startsAgain(await definitionOf(ops, id))) await run(ops, setRestart(id, 'no'));
}

/**
 * The new container gets the name; the former one, which has been stopped, stays whole under another. It must not start by itself, should
 * the machine go down before the new one is proved: the ports would be taken, and two would write.
 */
export async function takeOver(ops: Ops, { former, next, name }: Replacement): Promise<void> {
  if (former === undefined) return;
  const { container } = former;
  // The name first: by it the next run knows whose policy it was.
  if (!standbyRole(container))
    await run(ops, rename(container.id, standbyName(container.name, 'before', ops.paths.run)));
  await keepStopped(ops, former);
  await run(ops, rename(next, name));
}

/**
 * The former container gets its name back and, if it ran, is started: the very same one, with all that is in it. Looks first, and does
 * what is missing.
 *
 * @param refill is given the container that was made again, if the former one is no more, before it is started.
 */
export async function giveBack(
  ops: Ops,
  stack: Stack,
  { role, former, next }: { role: ServiceRole; former: Former; next: string | undefined },
  refill: (again: string) => Promise<void> = async () => undefined,
): Promise<void> {
  const all = (await findAllContainers(ops, stack))[role];
  const { id } = former.container;
  const name = properName(former.container.name);
  const successor = all.find((c) => c.id === next);
  if (successor) await withdraw(ops, role, successor);
  const present = all.find((c) => c.id === id);
  const policy = startsAgain(former.definition);
  if (present && policy) await run(ops, setRestart(id, policy)); // before the name, which tells the next run of it
  if (present && present.name !== name) await run(ops, rename(id, name));
  // Made again already, where its volume had to be filled.
  const again = present ?? all.find((c) => c.name === name && c.id !== next && c.state === 'created');
  const back = again?.id ?? (await createFrom(ops, former.definition, name));
  if (!present) await refill(back);
  if (!former.ran) return;
  // An engine that was asked to stop goes on with it, and takes a start meanwhile for done: so the stop comes first to its end.
  if (present) await halt(ops, role, present);
  await run(ops, start(back));
}

/** Removes the new container: it never took the other's place, or has lost it again. */
export async function discardNext(ops: Ops, { next, former }: Replacement): Promise<void> {
  if (former) await discardContainer(ops, next);
}

/**
 * Removes those whose place was taken, once nobody will go back to them; their images' names of ours are from then on those of what serves. What
 * can't be done is only said: what serves is proved, and must not be taken back for it.
 *
 * @param proved what serves, where it may have kept such a name.
 */
export async function discardFormers(
  ops: Ops,
  stack: Stack,
  roles: readonly ServiceRole[] = ['postgres', 'redis', 'app'],
  proved?: string,
): Promise<void> {
  const calm = uninterruptible(ops);
  const discard = async () => {
    await nameRunning(calm, stack);
    const all = await findAllContainers(calm, stack);
    for (const c of roles.flatMap((role) => all[role]))
      if (standbyRole(c) && c.id !== proved) await discardContainer(calm, c.id);
  };
  await orWarn(ops.screen, discard, (why) => ({
    en: `Containers whose place was taken could not be removed; the next run tries again: ${why.en}`,
    zh: `未能移除已被替换的旧容器, 下次运行会重试: ${why.zh}`,
  }));
}

/**
 * Going back by hand. The commands name ids, and read neither the compose file nor `.env`.
 *
 * @param isGone the container had to go together with its data, and has to be made again.
 */
export function givenBackByHand(former: Former, next: string | undefined, isGone: boolean): string[] {
  const { id, name } = former.container;
  const [proper, short] = [properName(name), id.slice(0, 12)];
  const away = next
    ? [
        `docker stop ${next.slice(0, 12)}`,
        `docker rename ${next.slice(0, 12)} ${standbyName(name, 'next', path.dirname(former.file))}`,
      ]
    : [];
  if (isGone) {
    const socket = `"$(docker context inspect -f '{{.Endpoints.docker.Host}}' | cut -c8-)"`;
    const body = asTyped(['-H', 'Content-Type: application/json', '--data-binary', `@${former.file}`]);
    return [
      ...away,
      `curl --unix-socket ${socket} ${body} 'http://localhost/containers/create?name=${proper}'`,
      ...(former.ran ? [`docker start ${proper}`] : []),
    ];
  }
  const policy = startsAgain(former.definition);
  return [
    ...away,
    `docker rename ${short} ${proper}`,
    ...(policy ? [`docker update --restart ${policy} ${short}`] : []),
    ...(former.ran ? [`docker start ${short}`] : []),
  ];
}
