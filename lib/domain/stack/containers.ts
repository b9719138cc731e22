import path from 'node:path';
import { z } from 'zod';
import type { RunOps } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { type Container, inspectContainers, type KnownVolume } from '../../tools/docker/containers.ts';
import { RUN_LABEL } from '../../tools/docker/helpers.ts';
import { composeLabel, listContainers, lookUp } from '../../tools/docker/lookup.ts';
import { filesStay, volumeForm } from '../../tools/docker/same-volume.ts';
import type { NamedVolume, ServiceRole, Stack } from './stack.ts';

/** The stack's containers, running or not. */
export type Containers = Readonly<Partial<Record<ServiceRole, Container>>>;

/**
 * Finds the containers of the stack's services by compose's labels; names are never assumed. One-off containers
 * (`compose run`) don't count, and of several of one service it is the one that production is: see {@link inUse}.
 */
export async function findContainers(ops: RunOps, stack: Stack): Promise<Containers> {
  return inUseOf(await findAllContainers(ops, stack));
}

/** All that there are of each service: the one in use, one that will take its place, one that it took the place of. */
export async function findAllContainers(
  ops: RunOps,
  stack: Stack,
): Promise<Readonly<Record<ServiceRole, readonly Container[]>>> {
  const filters = [`project=${stack.project}`, 'oneoff=False'].map((label) => `label=com.docker.compose.${label}`);
  const ids = (await listContainers(ops, filters, '{{.ID}}')).flat();
  const found: Record<ServiceRole, Container[]> = { postgres: [], redis: [], app: [] };
  if (ids.length === 0) return found;
  const look = () => inspectContainers(ops, ids);
  let all = await look();
  const unsure = all.some((c) => standbyRole(c) === 'before') ? all.filter(hasJustComeBack).map((c) => c.lastedMs) : [];
  // Whether it dies again and again is seen when it either lasts or does not.
  if (unsure.length > 0) {
    await ops.clock.sleep(LASTING_MS - Math.min(...unsure), ops.signal);
    all = await look();
  }
  for (const c of all) {
    const role = Object.entries(stack.services).find(([, s]) => s.key === c.labels['com.docker.compose.service'])?.[0];
    if (role) found[role as ServiceRole].push(c);
  }
  return found;
}

/** The engine itself takes a start for one that succeeded when it has lasted so long. */
const LASTING_MS = 10_000;

const hasJustComeBack = ({ state, restartCount, lastedMs }: Container): boolean =>
  state === 'running' && restartCount > 0 && lastedMs < LASTING_MS;

/** It runs, and not only until it dies once more. */
export const isUp = (c: Container): boolean => c.state === 'paused' || (c.state === 'running' && !hasJustComeBack(c));

const ASIDE = /-(next|before)-(\d{8}T\d{6}Z)$/;

/** How a service's container is called while it waits to take another one's place, or when another one took its own. */
export const standbyName = (name: string, as: 'next' | 'before', run: string): string =>
  `${properName(name)}-${as}-${path.basename(run).slice(0, 16)}`;

/** Its name when it is in use. */
export const properName = (name: string): string => name.replace(ASIDE, '');

/** What it waits for, if it does: to take a place, or to get it back. */
export const standbyRole = ({ name }: Container): 'next' | 'before' | undefined =>
  ASIDE.exec(name)?.[1] as 'next' | 'before' | undefined;

/** The beginning of the name of the run that put it aside. */
export const standbyRun = ({ name }: Pick<Container, 'name'>): string | undefined => ASIDE.exec(name)?.[2];

/**
 * The one that production is. One that was to take its place and was never proved (a run was killed) is not if it dies again and again, or
 * has not lasted; otherwise what is in it now is newer, also when it was stopped since. One that never took a place is none at all; one that is
 * being taken back is as long as it is up: the former one would meet it on the same data.
 */
export function inUse(all: readonly Container[]): Container | undefined {
  const own = all.filter((c) => !standbyRole(c));
  const befores = all.filter((c) => standbyRole(c) === 'before');
  const leaving = all.find((c) => standbyRole(c) === 'next' && isUp(c));
  const present = own.find(isUp) ?? own[0] ?? leaving;
  const [before] = befores.sort((a, b) => b.name.localeCompare(a.name));
  if (!present || !before || isUp(present)) return present ?? before;
  const served = present.state !== 'restarting' && present.lastedMs >= LASTING_MS;
  return served && !isUp(before) ? present : before;
}

/** The same of each service. */
export const inUseOf = (all: Readonly<Record<ServiceRole, readonly Container[]>>): Containers =>
  Object.fromEntries(
    Object.entries(all).flatMap(([role, of]) => {
      const container = inUse(of);
      return container ? [[role, container]] : [];
    }),
  );

/** A volume of the compose file as the engine has it. */
export interface ExistingVolume extends NamedVolume, KnownVolume {
  /** Compose project by the volume's label; `undefined` for a volume made by hand. */
  readonly project: string | undefined;
  /** Deleting it deletes none of its files: see `filesStay` in `tools/docker/same-volume.ts`. */
  readonly filesStay: boolean;
  /** Names of containers other than those of the stack's three services that have it mounted, stopped ones too. */
  readonly usedByOthers: readonly string[];
}

const volumeInspected = z.array(
  volumeForm.extend({ Name: z.string(), Labels: z.record(z.string(), z.string()).nullable() }),
);

/** Those of the stack's volumes that exist. Found by the exact names of the resolved config, never by a pattern. */
export async function findVolumes(ops: RunOps, stack: Stack): Promise<ExistingVolume[]> {
  const names = [...new Set(stack.volumes.map((v) => v.name))];
  if (names.length === 0) return [];
  const { stdout } = await lookUp(ops, 'volume', ...names);
  const existing = answerOf('docker volume inspect', volumeInspected, stdout || '[]');
  return Promise.all(
    existing.map(async (v) => {
      const mounted = stack.volumes.filter((n) => n.name === v.Name);
      const named = mounted.find((n) => n.holdsData) ?? mounted[0];
      if (named === undefined) throw new Error(`docker volume inspect answered ${v.Name}, which was not asked`);
      const columns = ['{{.ID}}', '{{.Names}}', ...['project', 'service', 'oneoff'].map(composeLabel)];
      const of = [`volume=${v.Name}`];
      const users = await listContainers(ops, of, ...columns, `{{.Label "${RUN_LABEL}"}}`);
      const containers = users as HolderLine[];
      return {
        ...named,
        createdAt: v.CreatedAt,
        project: v.Labels?.['com.docker.compose.project'],
        filesStay: filesStay(v),
        holder: containers[0]?.[0] ?? '',
        usedByOthers: containers.filter((c) => !isOfStack(stack, c)).map(([, name]) => name),
      };
    }),
  );
}

type HolderLine = [id: string, name: string, project: string, service: string, oneOff: string, run: string];

/** A container of one of the three services, or a helper of a run. Another service of the project is neither stopped nor removed. */
const isOfStack = (stack: Stack, [, , project, service, oneOff, run]: HolderLine): boolean =>
  Boolean(run) ||
  (project === stack.project && oneOff !== 'True' && Object.values(stack.services).some((s) => s.key === service));
