import { SITE_RENDERED } from './app-container.ts';
import { fileAt } from './app-files.ts';
import { remoteMethod, verifier } from './cluster.ts';
import type { Container, Engine, Server } from './engine.ts';
import type { Worker } from './gunicorn.ts';
import type { Reply } from './process.ts';

const HEALTHCHECK_MS = 2_000;
export const SCHEDULER_PATH = '/api/v1/scheduler/';

/** What the engine says of a container's health, and when it looked; undefined without a health check. */
export function healthOf(
  engine: Engine,
  c: Container,
): { Status: string; Log: readonly { Start: string }[] } | undefined {
  if (!c.healthcheck?.length) return undefined;
  if (c.state !== 'running') return { Status: 'unhealthy', Log: [] };
  if (c.app) return { Status: c.app.looks.status, Log: c.app.looks.log };
  return { Status: engine.clock.monotonic() - c.startedAt < HEALTHCHECK_MS ? 'starting' : 'healthy', Log: [] };
}

const variables = ({ env, sourced }: Container) => ({ ...env, ...sourced });

/** The server that an application would reach, or why it would not. */
export function connect(engine: Engine, from: Container): { server: Server; database: string } | string {
  const m = /^postgresql\+psycopg:\/\/([^:]+):(.*)@([^:/@]+):\d+\/(\w+)$/.exec(variables(from).DATABASE_URL ?? '');
  if (!m) return 'DATABASE_URL is not set';
  const [, user = '', password = '', host = '', database = ''] = m;
  const peer = engine.resolve(from, host);
  if (!peer?.server || engine.clock.monotonic() < peer.server.readyAt) return `could not connect to ${host}`;
  const { server } = peer;
  const refused = refusal(server, user, decodeURIComponent(password));
  if (refused) return refused;
  return server.cluster.databases[database] ? { server, database } : `database "${database}" does not exist`;
}

/** Why somebody from another container is not let in. */
export function refusal(server: Server, user: string, password: string): string | undefined {
  const method = remoteMethod(server.inForce);
  if (method === 'reject') return 'no pg_hba.conf entry';
  if (method !== 'trust' && server.cluster.roles[user] !== verifier(password))
    return `password authentication failed for user "${user}"`;
  return server.cluster.roles[user] === undefined ? `role "${user}" does not exist` : undefined;
}

/** Whether Redis lets the application in. */
function redisConnected(engine: Engine, from: Container): boolean {
  const m = /^redis:\/\/:(.*)@([^:/@]+):\d+\/\d+$/.exec(variables(from).CACHE_REDIS_URL ?? '');
  const peer = engine.resolve(from, m?.[2] ?? '');
  return peer !== undefined && passwordOf(peer) === decodeURIComponent(m?.[1] ?? '');
}

export const passwordOf = (redis: Container) => redis.command?.[redis.command.indexOf('--requirepass') + 1];

/** What the site in place leads to, beside what every site does here. */
export const locationsOf = (c: Container) =>
  [
    ...(fileAt(c, SITE_RENDERED)?.data ?? '').matchAll(/location (\S+) \{ proxy_pass http:\/\/127\.0\.0\.1:(\d+); \}/g),
  ].map(([, path = '', port]) => ({ path, port: Number(port) }));

/** The answer to a request; undefined when nothing listens, `waits` when whoever listens does not answer as yet. */
export function request(engine: Engine, c: Container, port: number, path: string): Response | 'waits' | undefined {
  const { app } = c;
  app?.catchUp();
  if (c.state === 'paused') return 'waits';
  if (c.state !== 'running' || !app) return undefined;
  if (port === 80 && !app.nginx) return undefined;
  if (port === 80 && ['/', '/index.html'].includes(path))
    return new Response('<p>page</p>', { status: engine.pageStatus(c), headers: { 'content-type': 'text/html' } });
  if (app.frozen) return 'waits';
  if (port === 80 && path === SCHEDULER_PATH) {
    const { scheduler } = app;
    if (!scheduler) return new Response('bad gateway', { status: 502 });
    return scheduler.serving.length > 0 ? Response.json({}) : 'waits';
  }
  const own = port === 80 ? locationsOf(c).find((l) => l.path === path) : undefined;
  if (own) {
    const listens = app.gunicorns.some((g) => g.listening && g.bind.endsWith(`:${own.port}`));
    return new Response('', { status: listens ? 404 : 502 });
  }
  if (!app.web) return port === 80 ? new Response('bad gateway', { status: 502 }) : undefined;
  const worker = app.web.next();
  return worker ? answer(engine, c, worker, path) : 'waits';
}

/** `curl -f` in the application's own container. */
export function curl(engine: Engine, c: Container, url: string): Reply {
  const reply = request(engine, c, 80, new URL(url).pathname);
  if (reply === undefined) return { exitCode: 7, stderr: 'curl: (7) Failed to connect to localhost port 80\n' };
  if (reply === 'waits') return { exitCode: 28, stderr: 'curl: (28) Operation timed out\n' };
  return reply.ok ? {} : { exitCode: 22, stderr: `curl: (22) The requested URL returned error: ${reply.status}\n` };
}

/** What a worker's code says. */
export function answer(engine: Engine, c: Container, { release }: Worker, path: string): Response {
  const body = (data: Record<string, string>, success = true) =>
    Response.json({ success, error: null, message: '', timestamp: '', data });
  if (release?.answers500) return new Response('Internal Server Error', { status: 500 });
  if (path === '/api/v1/health/basic') return body({ status: 'healthy' });
  if (path !== '/api/v1/health') return new Response('', { status: 404 });
  const database = typeof connect(engine, c) === 'object' ? 'connected' : 'disconnected';
  const redis = redisConnected(engine, c) ? 'connected' : 'disconnected';
  const good = database === redis && database === 'connected' && !release?.deepUnhealthy;
  return body({ status: good ? 'healthy' : 'unhealthy', database, redis });
}

/** Both health checks, as a user would see them. */
export async function isServing(engine: Engine, c: Container): Promise<boolean> {
  const [basic, deep] = [request(engine, c, 80, '/api/v1/health/basic'), request(engine, c, 5001, '/api/v1/health')];
  if (typeof basic !== 'object' || typeof deep !== 'object' || basic.status !== 200 || deep.status !== 200)
    return false;
  return ((await deep.json()) as { data: { status: string } }).data.status === 'healthy';
}
