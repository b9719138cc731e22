import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { notProved } from '../../core/refusal.ts';
import { ifFails } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { PATIENCE_MS } from '../../tools/http/within.ts';
import type { Route, Served } from '../stack/deployment.ts';
import { unpublished } from './endpoints.ts';
import { findRoutes, placeOf } from './find-routes.ts';
import { listPrograms, type Program } from './programs.ts';
import { routeFault } from './route-fault.ts';

/** What `findRoutes` gives, and how each is served now. @param patienceMs for an answer: what is not served now is not watched. */
export async function surveyRoutes(
  ops: Ops,
  app: Container,
  programs: readonly Program[],
  patienceMs = PATIENCE_MS,
): Promise<Served> {
  const { routes, ...rest } = await findRoutes(ops, app, programs);
  const faults = await Promise.all(routes.map((route) => routeFault({ ...ops, patienceMs }, app, route)));
  return { routes: routes.map((route, at) => ({ ...route, fault: faults[at] })), ...rest };
}

/** supervisord's programs, none where it does not tell, and what nginx leads people to. */
export async function surveyServed(
  ops: Ops,
  app: Container,
): Promise<{ readonly programs: readonly Program[] | undefined; readonly served: Served }> {
  const programs = await listPrograms(ops, app.id).catch(ifFails(() => undefined));
  return { programs, served: await surveyRoutes(ops, app, programs ?? []) };
}

/** What a run watches from outside. */
export const watchedOf = (served: Served | undefined): readonly Route[] =>
  (served?.routes ?? []).filter(({ fault, isSame }) => fault === undefined && !isSame);

/** What is to be said of it before anything changes. */
export const servedTexts = (served: Served | undefined): Text[] => [
  ...(served?.routes ?? []).flatMap(({ fault }) => (fault ? [alreadyNow(fault)] : [])),
  ...(served?.unwatched ? [served.unwatched] : []),
];

const alreadyNow = ({ en, zh }: Text): Text => ({
  en: `${en} already now; it is not watched.`,
  zh: `${zh} (当前已如此, 不纳入监测)`,
});

interface Fault {
  readonly route: Route;
  readonly why: Text;
}

interface Look {
  readonly before: Served | undefined;
  /** Another release may serve less: that is told. */
  readonly mayDrop: boolean;
  /** How long a program's route may take; pages are there at once or not at all. */
  readonly forMs: number;
}

/** @param asked `app`, or where it is asked past what it publishes. */
async function look(ops: Ops, app: Container, asked: Container, { before, mayDrop, forMs }: Look) {
  const now = await findRoutes(ops, app, []);
  const was = new Map(before?.routes.map((route) => [placeOf(route), route]));
  const named = new Set(now.routes.map(placeOf));
  const dropped = [...was.values()].filter((r) => r.fault === undefined && !named.has(placeOf(r)));
  const tells = now.routes.length > 0 || now.unwatched === undefined;
  const excused = ({ route }: Fault) =>
    was.get(placeOf(route))?.fault !== undefined || (mayDrop && tells && dropped.some((r) => r === route));
  let faults: readonly Fault[] = [];
  let own: readonly Fault[] = [];
  await poll(ops, { everyMs: POLL_MS, forMs }, async () => {
    const all = [...now.routes, ...dropped];
    const whys = await Promise.all(all.map((route) => routeFault(ops, asked, route)));
    faults = all.flatMap((route, at) => (whys[at] ? [{ route, why: whys[at] }] : []));
    own = faults.filter((fault) => !excused(fault));
    return own.length === 0 || own.some(({ route }) => route.kind === 'pages') || undefined;
  });
  const told = faults.map(({ route, why }) => (dropped.includes(route) ? noLonger(why) : asBefore(why)));
  return { own, told: [...told, ...(now.unwatched ? [now.unwatched] : [])] };
}

/**
 * Waits until everything that nginx leads people to is served: a program's route may take as long as its program boots.
 *
 * @param before what was not well served then is told, and not this one's doing; what was, and is named no more, is asked for as well.
 * @param mayDrop another release may serve less: that is told.
 * @returns what is not well, or not known, all the same.
 * @throws {OpsError} what is wrong otherwise.
 */
export async function requireRoutes(
  ops: Ops,
  app: Container,
  before: Served | undefined,
  { mayDrop }: { readonly mayDrop: boolean },
): Promise<readonly Text[]> {
  const { own, told } = await look(ops, app, app, { before, mayDrop, forMs: ops.target.bootSeconds * 1000 });
  if (own.length > 0) throw notProved(...own.map(({ why }) => why));
  return told;
}

/**
 * The same while nobody reaches the container yet, at its own address: nobody is to see a page that can't be shown, nor to be turned away by
 * a program that is a moment behind. One that needs longer is for {@link requireRoutes} to judge.
 *
 * @throws {OpsError} what is wrong with a page.
 */
export async function requirePages(ops: Ops, app: Container, before: Served | undefined): Promise<void> {
  const { own } = await look(ops, app, unpublished(app) ?? app, { before, mayDrop: true, forMs: PROGRAMS_MS });
  const pages = own.filter(({ route }) => route.kind === 'pages');
  if (pages.length > 0) throw notProved(...pages.map(({ why }) => why));
}

const asBefore = ({ en, zh }: Text): Text => ({ en: `${en}, as it did before`, zh: `${zh} (此前已如此)` });

const noLonger = ({ en, zh }: Text): Text => ({
  en: `${en}; it was well served before, and this release's nginx no longer names it`,
  zh: `${zh} (此前正常, 新版本的 nginx 配置中已没有该路由)`,
});

const POLL_MS = 250;
/** Visitors wait meanwhile. */
const PROGRAMS_MS = 10_000;
