import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { ifFails } from '../../core/run.ts';
import { printable, same, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import type { Route, Served } from '../stack/deployment.ts';
import { agent } from './agent.ts';
import type { Program } from './programs.ts';

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
  const said = await agent(ops, app.id, 'routes', { effect: 'read', args: {}, answer }).catch(
    ifFails(({ what }) => ({ failed: what })),
  );
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

/** What tells one route from another. */
export const placeOf = ({ path, at }: Pick<Route, 'path' | 'at'>) => `${at?.port ?? ''}${path}`;
