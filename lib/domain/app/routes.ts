import { z } from 'zod';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { poll } from '../../core/poll.ts';
import { CommandError } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { DUE, within } from '../../tools/http/within.ts';
import { agent } from './agent.ts';
import { type Endpoints, endpointsOf } from './endpoints.ts';
import { findPrograms, type Program } from './programs.ts';

const answer = z.array(
  z.object({
    /** As it stands in nginx's configuration, such as `/api/v1/scheduler/`. */
    path: z.string().startsWith('/'),
    /** Of this container's loopback; null for files. */
    port: z.int().nullable(),
  }),
);

/** A place that nginx leads people to, beside the application's health checks. */
export interface Route {
  /** Who answers there: a program's name, or the pages. */
  readonly name: Text;
  readonly path: string;
  /** Pages are well served with a page, a program's route with any answer of the program's own. */
  readonly kind: 'pages' | 'program';
}

const PAGES: Text = { en: 'pages', zh: '页面' };
const REQUEST_MS = 5_000;

/**
 * What else nginx serves: the page at `/` with the files behind it, and one route of each program but the web program. Empty when nginx does
 * not tell its configuration.
 */
export async function findRoutes(ops: Ops, container: string, programs: readonly Program[]): Promise<readonly Route[]> {
  const served = await agent(ops, container, 'routes', { effect: 'read', args: {}, answer }).catch((error: unknown) => {
    if (error instanceof CommandError) return [];
    throw error;
  });
  const routes: Route[] = served.some(({ path, port }) => path === '/' && port === null)
    ? [{ name: PAGES, path: '/', kind: 'pages' }]
    : [];
  const seen = new Set([ops.target.ports.direct]);
  for (const { path, port } of served) {
    if (port === null || seen.has(port)) continue;
    seen.add(port);
    const name = programs.find((p) => p.ports.includes(port))?.name ?? String(port);
    routes.push({ name: { en: name, zh: name }, path, kind: 'program' });
  }
  return routes;
}

/** Whether an answer of this status is service. 502 to 504 are nginx's own, when nobody answers behind it. */
export const isServed = ({ kind }: Pick<Route, 'kind'>, status: number): boolean =>
  status > 0 && (kind === 'pages' ? status < 400 : status < 500);

/** What is wrong with what a route serves now. `undefined`: nothing. Of a page, the scripts and styles that it names are asked for too. */
export async function routeFault(
  ops: Pick<Ops, 'net' | 'clock' | 'signal'>,
  { nginx }: Pick<Endpoints, 'nginx'>,
  route: Route,
): Promise<Text | undefined> {
  const first = await askFor(ops, nginx + route.path);
  if (!isServed(route, first.status)) return notServed(route.path, first.status);
  if (route.kind !== 'pages') return undefined;
  const assets = assetsOf(first.body, route.path).slice(0, MOST_ASSETS);
  const answers = await Promise.all(assets.map((asset) => askFor(ops, nginx + asset)));
  for (const [index, asset] of assets.entries()) {
    const { status = 0, type = '' } = answers[index] ?? {};
    if (!isServed(route, status)) return notServed(asset, status);
    // A site that answers every unknown path with its page hides that a file is missing.
    if (/^text\/html/.test(type)) return pageInstead(asset);
  }
  return undefined;
}

/** What is wrong with what nginx leads people to, by the route's path. */
export async function routeFaults(ops: Ops, app: Container): Promise<ReadonlyMap<string, Fault>> {
  // Only for their names: what nginx serves has nothing to do with who started it.
  const programs = await findPrograms(ops, app.id).then(
    ({ all }) => all,
    () => [],
  );
  const routes = await findRoutes(ops, app.id, programs);
  const endpoints = endpointsOf(ops.target, app);
  const faults = await Promise.all(routes.map((route) => routeFault(ops, endpoints, route)));
  return new Map(
    routes.flatMap((route, at) => {
      const why = faults[at];
      return why ? [[route.path, { kind: route.kind, why }] as const] : [];
    }),
  );
}

interface Fault {
  readonly kind: Route['kind'];
  readonly why: Text;
}

/**
 * Waits until everything that nginx leads people to is served: a program's route may take as long as its program boots, pages are there at
 * once or not at all.
 *
 * @param before paths that were not well served by the container that was replaced: that is told, and not this one's doing.
 * @returns what is still wrong with those.
 * @throws {OpsError} what is wrong with another one.
 */
export async function requireRoutes(ops: Ops, app: Container, before: readonly string[]): Promise<readonly Text[]> {
  let own: readonly Fault[] = [];
  const known = await poll(ops, { everyMs: POLL_MS, forMs: ops.target.bootSeconds * 1000 }, async () => {
    const faults = [...(await routeFaults(ops, app))];
    own = faults.filter(([path]) => !before.includes(path)).map(([, fault]) => fault);
    const isFinal = own.length === 0 || own.some(({ kind }) => kind === 'pages');
    return isFinal ? faults.map(([, { why }]) => why) : undefined;
  });
  if (known === undefined || own.length > 0) throw notServing(own.map(({ why }) => why));
  return known;
}

const notServing = (faults: readonly Text[]) =>
  new OpsError({
    kind: 'command',
    what: {
      en: `Not proved: ${faults.map((f) => f.en).join('; ')}`,
      zh: `验证未通过: ${faults.map((f) => f.zh).join('; ')}`,
    },
  });

const POLL_MS = 500;
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

const NO_ANSWER = { status: 0, type: '', body: '' };

async function askFor(ops: Parameters<typeof routeFault>[0], url: string): Promise<typeof NO_ANSWER> {
  try {
    const answer = await within(ops, REQUEST_MS, async (signal) => {
      const response = await ops.net.fetch(url, { signal, headers: { connection: 'close' } });
      const type = response.headers.get('content-type') ?? '';
      return { status: response.status, type, body: (await response.text()).slice(0, LONGEST_PAGE) };
    });
    return answer === DUE ? NO_ANSWER : answer;
  } catch {
    ops.signal.throwIfAborted();
    return NO_ANSWER;
  }
}

const notServed = (path: string, status: number): Text =>
  status === 0
    ? { en: `GET ${path} is not answered`, zh: `GET ${path} 无应答` }
    : { en: `GET ${path} answers ${status}`, zh: `GET ${path} 返回 ${status}` };

const pageInstead = (path: string): Text => ({
  en: `GET ${path} gives a web page instead of the file`,
  zh: `GET ${path} 返回的是网页, 而不是该文件`,
});
