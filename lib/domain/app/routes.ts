import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { commandFailed } from '../../core/refusal.ts';
import { CommandError } from '../../core/run.ts';
import { printable, same, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { DUE, GLANCE_MS, PATIENCE_MS, within } from '../../tools/http/within.ts';
import type { Route, Served } from '../stack/deployment.ts';
import { agent } from './agent.ts';
import { unpublished, urlOf } from './endpoints.ts';
import { listPrograms, type Program } from './programs.ts';

const site = z.object({
  /** None where only a proxy gets there, or nobody. */
  listens: z.array(z.object({ port: z.int(), tls: z.boolean() })),
  name: z.string().nullable(),
  /** As it stands in nginx's configuration, such as `/api/v1/scheduler/`, and a port of this container's loopback. */
  routes: z.array(z.object({ path: z.string().startsWith('/'), port: z.int() })),
  /** Each a place of files, and the page that is served there, where the configuration names it. */
  pages: z.array(z.array(z.string().startsWith('/')).min(1)),
  /** Other places, by the configuration's words; `port` where that is known all the same. */
  unread: z.array(z.object({ path: z.string(), port: z.int().nullable(), target: z.string() })),
});

type Site = z.infer<typeof site>;

const answer = z.union([
  /** nginx does not tell its configuration, and what it says instead. */
  z.object({ failed: z.string().transform((why) => same(printable(why))) }),
  z.object({ sites: z.array(site) }),
]);

/**
 * What else nginx serves at published ports: pages, with the files behind them, one route of each program but the web program, and the health check
 * by TLS.
 */
export async function findRoutes(ops: Ops, app: Container, programs: readonly Program[]): Promise<Served> {
  const said = await agent(ops, app.id, 'routes', { effect: 'read', args: {}, answer }).catch((error: unknown) => {
    if (error instanceof CommandError) return { failed: error.what };
    throw error;
  });
  const { direct, nginx } = ops.target.ports;
  if ('failed' in said) {
    // Any of them may be one that people are led to.
    const led = programs.filter((p) => p.ports.some((port) => port !== direct && port !== nginx));
    return { routes: [], unwatched: notTold(said.failed), led: led.map(({ name }) => ({ program: name, path: '/' })) };
  }
  const nameOf = (port: number) => programs.find((p) => p.ports.includes(port))?.name ?? String(port);
  const routes: Route[] = [];
  const [seen, led, unread] = [new Set([direct]), new Map<string, string>(), [] as Site['unread']];
  /** One for each place, and for each program. */
  const add = (name: Text, what: Omit<Route, 'name'>, port?: number) => {
    if (routes.some((r) => placeOf(r) === placeOf(what)) || (port !== undefined && seen.has(port))) return;
    routes.push({ name, ...what });
    if (port !== undefined) seen.add(port);
  };
  for (const found of said.sites) {
    const at = wayTo(ops.target, app, found);
    if (at === 'nobody') continue;
    for (const { path, port } of [...found.routes, ...found.unread])
      if (port !== null && port !== direct && !led.has(nameOf(port))) led.set(nameOf(port), path);
    unread.push(...found.unread);
    if (at === 'unknown') {
      const places = [...found.routes.map(({ path }) => path), ...found.pages.map(([place = '/']) => place)];
      unread.push(...places.map((path) => ({ path, port: null, target: 'proxy_protocol, unix:' })));
      continue;
    }
    const where = at && { at };
    const named = (path: string) => same(printable(`${at?.tls ? 'https ' : ''}${path}`));
    for (const [place = '/', ...behind] of found.pages) {
      const name = routes.some((r) => r.kind === 'pages') ? named(place) : PAGES;
      add(name, { path: place, kind: 'pages', isSame: false, ...where });
      for (const page of behind) add(named(page), { path: page, kind: 'pages', isSame: true, ...where });
    }
    for (const { path, port } of found.routes)
      add(same(printable(nameOf(port))), { path, kind: 'program', isSame: false, ...where }, port);
  }
  for (const at of secureWays(ops.target, app, said.sites)) {
    const name = same(routes.some((r) => r.name.en === 'https') ? `https ${at.port}` : 'https');
    add(name, { path: ops.target.health.basic, kind: 'program', isSame: false, at });
  }
  const unknown = unread.filter(({ port }) => port === null || !seen.has(port));
  return {
    routes,
    unwatched: unknown.length > 0 ? notPlain(unknown) : undefined,
    led: [...led].map(([program, path]) => ({ program, path })),
  };
}

const isPublished = (app: Container, wanted: number): boolean =>
  app.ports.some((p) => p.target === wanted && p.protocol === 'tcp');

/** How people get to a site: `undefined` as to all else; `nobody` where no port of it is published; `unknown` where only a proxy could. */
function wayTo({ ports }: Ops['target'], app: Container, { listens, name }: Site): Route['at'] | 'nobody' | 'unknown' {
  if (listens.length === 0) return 'unknown';
  if (listens.some(({ port, tls }) => port === ports.nginx && !tls)) return undefined;
  const at = listens.find(({ port }) => isPublished(app, port));
  return at ? { ...at, ...(name !== null && { host: name }) } : 'nobody';
}

/** The published ports of TLS, with the name of a site there that serves something. */
function secureWays(target: Ops['target'], app: Container, sites: readonly Site[]): NonNullable<Route['at']>[] {
  const serving = sites.filter(
    ({ routes, pages }) => pages.length > 0 || routes.some(({ port }) => port === target.ports.direct),
  );
  const ways = serving.flatMap(({ listens, name }) =>
    listens
      .filter(({ port, tls }) => tls && isPublished(app, port))
      .map((at) => ({ ...at, ...(name !== null && { host: name }) })),
  );
  return [...new Map(ways.toReversed().map((at) => [at.port, at])).values()];
}

const PAGES: Text = { en: 'pages', zh: '页面' };

const notTold = (why: Text): Text => ({
  en: `nginx does not tell its configuration, so pages and other programs' routes are neither known nor watched: ${why.en}`,
  zh: `nginx 未能给出配置, 无法得知并监测页面及其他程序的路由: ${why.zh}`,
});

function notPlain(places: readonly { readonly path: string; readonly target: string }[]): Text {
  const list = places.map(({ path, target }) => printable(`${path} → ${target}`)).join(', ');
  return {
    en: `Not watched, because these lead out of the container, by a pattern, or where the configuration does not say plainly: ${list}`,
    zh: `以下路由不纳入监测 (转发到容器之外, 按正则匹配, 或目标无法从配置得知): ${list}`,
  };
}

/** The same, and how each is served now. @param patienceMs for an answer: what is not served now is not watched. */
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
  const programs = await listPrograms(ops, app.id).catch((error: unknown) => {
    if (error instanceof CommandError) return undefined;
    throw error;
  });
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

/** Whether an answer of this status is service. 502 to 504 are nginx's own, when nobody answers behind it. */
export const isServed = ({ kind }: Pick<Route, 'kind'>, status: number): boolean =>
  status > 0 && (kind === 'pages' ? status < 400 : status < 500);

interface Asking extends Pick<Ops, 'net' | 'clock' | 'signal' | 'target'> {
  /** For an answer; by default as long as somebody waits who asks again. */
  readonly patienceMs?: number;
}

/**
 * What is wrong with what a route serves now: as people come, and then at the container's own address, which tells what stands between. Of a
 * page, the scripts and styles that it names are asked for too.
 *
 * @returns `undefined`: nothing.
 */
export async function routeFault(ops: Asking, app: Container, route: Route): Promise<Text | undefined> {
  const url = urlOf(ops.target, app, route);
  const host = route.at?.host ?? new URL(url).host; // the same inside: it may decide which site answers
  const outside = await faultAt(ops, url, route, host);
  const within = app.ports.length > 0 ? unpublished(app) : undefined;
  const inside = within && (await faultAt(ops, urlOf(ops.target, within, route), route, host));
  if (outside) return within && !inside ? onlyOutside(outside.text) : outside.text;
  // Not every machine has a way to a container's own address.
  return inside && !inside.silent ? onlyInside(inside.text) : undefined;
}

interface NotWell {
  readonly text: Text;
  /** Nothing came back. */
  readonly silent: boolean;
}

async function faultAt(ops: Asking, url: string, route: Route, host: string): Promise<NotWell | undefined> {
  const first = await askFor(ops, url, host);
  if (!isServed(route, first.status)) return notServed(route, first.status);
  if (route.kind !== 'pages') return undefined;
  const wrong = contentFault(route.path, first, 'html');
  if (wrong) return wrong;
  const assets = assetsOf(first.body, route.path).slice(0, MOST_ASSETS);
  const answers = await Promise.all(assets.map((asset) => askFor(ops, new URL(asset, url).href, host)));
  for (const [index, path] of assets.entries()) {
    const given = answers[index] ?? NO_ANSWER;
    if (!isServed(route, given.status)) return notServed({ path }, given.status);
    const fault = contentFault(path, given, path.endsWith('.css') ? 'css' : 'script');
    if (fault) return fault;
  }
  return undefined;
}

const onlyOutside = ({ en, zh }: Text): Text => ({
  en: `${en}, though the container serves it well at its own address`,
  zh: `${zh} (直接访问容器地址则正常)`,
});

const onlyInside = ({ en, zh }: Text): Text => ({
  en: `${en} at the container’s own address, though what is published is well: they are answered differently`,
  zh: `直接访问容器地址时 ${zh}, 而发布端口正常: 两者的应答不一致`,
});

/** Browsers take neither for what it should be. A site that answers every unknown path with its page hides that a file is missing. */
function contentFault(path: string, { type, body }: Answer, is: 'html' | 'css' | 'script'): NotWell | undefined {
  if (!type.includes(is)) return { text: anotherType(path, type), silent: false };
  // Of a style, nothing is a style.
  return body.trim() === '' && is !== 'css' ? { text: isEmpty(path), silent: false } : undefined;
}

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
  if (own.length > 0) throw notServing(own.map(({ why }) => why));
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
  if (pages.length > 0) throw notServing(pages.map(({ why }) => why));
}

const placeOf = ({ path, at }: Pick<Route, 'path' | 'at'>) => `${at?.port ?? ''}${path}`;

const asBefore = ({ en, zh }: Text): Text => ({ en: `${en}, as it did before`, zh: `${zh} (此前已如此)` });

const noLonger = ({ en, zh }: Text): Text => ({
  en: `${en}; it was well served before, and this release's nginx no longer names it`,
  zh: `${zh} (此前正常, 新版本的 nginx 配置中已没有该路由)`,
});

const notServing = (faults: readonly Text[]) =>
  commandFailed({
    en: `Not proved: ${faults.map((f) => f.en).join('; ')}`,
    zh: `验证未通过: ${faults.map((f) => f.zh).join('; ')}`,
  });

const POLL_MS = 250;
/** Visitors wait meanwhile. */
const PROGRAMS_MS = 10_000;
const MOST_ASSETS = 20;
const LONGEST_PAGE = 1_000_000;

/** Paths of the scripts and styles that a page of the same site names. */
export function assetsOf(html: string, page: string): string[] {
  const found = [...html.matchAll(/<(?:script|link)\b[^>]*?\b(?:src|href)\s*=\s*["']([^"'#?]+\.(?:m?js|css))["'?#]/gi)];
  const paths = found.flatMap(([, link = '']) => {
    if (/^([a-z]+:)?\/\//i.test(link)) return [];
    return [new URL(link, `http://page${page}`).pathname];
  });
  return [...new Set(paths)];
}

interface Answer {
  /** 0: none. */
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const NO_ANSWER: Answer = { status: 0, type: '', body: '' };

async function askFor(ops: Asking, url: string, host: string): Promise<Answer> {
  const { patienceMs = GLANCE_MS } = ops;
  try {
    const answer = await within(ops, patienceMs, async (signal) => {
      const response = await ops.net.fetch(url, {
        signal,
        headers: { connection: 'close', host },
        anyCertificate: true,
      });
      const type = (response.headers.get('content-type') ?? '').toLowerCase();
      return { status: response.status, type, body: (await response.text()).slice(0, LONGEST_PAGE) };
    });
    return answer === DUE ? NO_ANSWER : answer;
  } catch {
    ops.signal.throwIfAborted();
    return NO_ANSWER;
  }
}

function notServed({ path, at }: Pick<Route, 'path' | 'at'>, status: number): NotWell {
  const what = `GET ${at?.tls ? 'https ' : ''}${path}`;
  return status === 0
    ? { text: { en: `${what} is not answered`, zh: `${what} 无应答` }, silent: true }
    : { text: { en: `${what} answers ${status}`, zh: `${what} 返回 ${status}` }, silent: false };
}

const anotherType = (path: string, type: string): Text => ({
  en: `GET ${path} gives ${printable(type) || 'no type'} instead of what a browser takes`,
  zh: `GET ${path} 返回的类型为 ${printable(type) || '空'}, 浏览器无法使用`,
});

const isEmpty = (path: string): Text => ({ en: `GET ${path} gives nothing`, zh: `GET ${path} 返回内容为空` });
