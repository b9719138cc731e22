import { remoteMethod, verifier } from './cluster.ts';
import { type Container, type Engine, runs, type Server } from './engine.ts';

/** From the start of its container until the application answers. */
export const BOOT_MS = 700;
const HEALTHCHECK_MS = 2_000;

/** State and number of restarts, which go on by themselves for a container that can't stay up. */
export function stateOf(engine: Engine, c: Container): { status: string; restarts: number } {
  const age = engine.clock.monotonic() - c.startedAt;
  const dies = c.image.release?.exitsAtStart || c.image.release?.cannotCreate;
  if (c.state !== 'running' || runs(c) !== 'app' || !dies || age < 300) return { status: c.state, restarts: 0 };
  return { status: 'restarting', restarts: Math.floor(age / 300) };
}

/** What the engine's own healthcheck says. */
export function healthOf(engine: Engine, c: Container): string {
  if (!c.healthcheck) return '';
  if (c.state !== 'running') return 'unhealthy';
  if (engine.clock.monotonic() - c.startedAt < HEALTHCHECK_MS) return 'starting';
  return runs(c) !== 'app' || answers(engine, c) ? 'healthy' : 'unhealthy';
}

function answers(engine: Engine, c: Container): boolean {
  const { status } = stateOf(engine, c);
  const booted = engine.clock.monotonic() - c.startedAt >= BOOT_MS;
  return status === 'running' && booted && !c.image.release?.neverHealthy;
}

/** The server that an application would reach, or why it would not. */
export function connect(engine: Engine, from: Container): { server: Server; database: string } | string {
  const m = /^postgresql\+psycopg:\/\/([^:]+):(.*)@([^:/@]+):\d+\/(\w+)$/.exec(from.env.DATABASE_URL ?? '');
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
  const m = /^redis:\/\/:(.*)@([^:/@]+):\d+\/\d+$/.exec(from.env.CACHE_REDIS_URL ?? '');
  const peer = engine.resolve(from, m?.[2] ?? '');
  return peer !== undefined && passwordOf(peer) === decodeURIComponent(m?.[1] ?? '');
}

export const passwordOf = (redis: Container) => redis.command?.[redis.command.indexOf('--requirepass') + 1];

/** The answer to a request; undefined when nothing listens. */
export function request(engine: Engine, c: Container, port: number, path: string): Response | undefined {
  if (runs(c) !== 'app' || stateOf(engine, c).status !== 'running') return undefined;
  if (!answers(engine, c)) return port === 80 ? new Response('bad gateway', { status: 502 }) : undefined;
  const body = (data: Record<string, string>, success = true) =>
    Response.json({ success, error: null, message: '', timestamp: '', data });
  if (path === '/api/v1/health/basic') return body({ status: 'healthy' });
  if (path !== '/api/v1/health') return new Response('', { status: 404 });
  const database = typeof connect(engine, c) === 'object' ? 'connected' : 'disconnected';
  const redis = redisConnected(engine, c) ? 'connected' : 'disconnected';
  const good = database === redis && database === 'connected' && !c.image.release?.deepUnhealthy;
  return body({ status: good ? 'healthy' : 'unhealthy', database, redis });
}

/** Both health checks, as a user would see them. */
export async function isServing(engine: Engine, c: Container): Promise<boolean> {
  const basic = request(engine, c, 80, '/api/v1/health/basic');
  const deep = await request(engine, c, 5001, '/api/v1/health')?.json();
  return basic?.status === 200 && (deep as { data: { status: string } } | undefined)?.data.status === 'healthy';
}
