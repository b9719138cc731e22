import type { Ops } from '../../core/ops.ts';
import { printable, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { DUE, GLANCE_MS, within } from '../../tools/http/within.ts';
import type { Route } from '../stack/deployment.ts';
import { unpublished, urlOf } from './endpoints.ts';

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
