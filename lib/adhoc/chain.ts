import { allEnded } from '../core/concurrency.ts';
import { unlessInterrupted } from '../core/errors.ts';
import { refuse } from '../core/refusal.ts';
import { asTyped } from '../core/run.ts';
import { headline, same, type Text } from '../core/text.ts';
import { endpointsOf, healthCheck } from '../domain/app/health.ts';
import { listPrograms, type Program } from '../domain/app/programs.ts';
import { lookAtWorkers } from '../domain/app/workers.ts';
import type { Container } from '../tools/docker/containers.ts';
import { GLANCE_MS } from '../tools/http/within.ts';
import type { App } from './app.ts';
import type { Postgres } from './database.ts';
import type { Redis } from './redis.ts';
import type { Context } from './service.ts';

/** A link between whoever opens a page and the data. */
export interface Link {
  readonly link: Text;
  /** `-`: not asked, because what it stands on is broken. */
  readonly state: 'ok' | 'broken' | '-';
  readonly seen: Text;
}

/** The way of a request, outermost first, and where it ends. */
export interface Chain {
  readonly links: readonly Link[];
  /** The innermost broken link, as a sentence; `undefined` when all hold. */
  readonly cause: Text | undefined;
  /** What to do about it. */
  readonly next: readonly Text[];
}

interface Asked extends Link {
  readonly next: readonly Text[];
}

/** Asks each link by itself. Never throws because of what is broken. */
export async function chainOf(context: Context, app: App, db: Postgres, redis: Redis): Promise<Chain> {
  const container = await ask(LINKS.container, async () => {
    const { name, restartCount, health } = app.running();
    const said = [...(health === '' ? [] : [health]), `restarts ${restartCount}`].join(', ');
    return { text: same(`${name}: ${said}`), found: app.running() };
  });
  const programs = await after(container, LINKS.programs, (found) => programsOf(context, found));
  const workers = await after(programs, LINKS.workers, (web) => workersOf(context, container.found, web));
  const [page, deep, database, cache] = await allEnded([
    pageOf(context, container.found),
    after(workers, LINKS.deep, () => deepOf(context, container.found)),
    ask(LINKS.database, async () => {
      await db.query(db.sql`SELECT 1`, { deadlineMs: 10_000 });
      return { text: ANSWERS, found: true };
    }),
    ask(LINKS.redis, async () => {
      await redis.command('PING');
      return { text: ANSWERS, found: true };
    }),
  ]);
  const links: readonly Asked[] = [...page, container, programs, workers, deep, database, cache];
  const innermost = links.findLast((l) => l.state === 'broken');
  return {
    links: links.map(({ link, state, seen }) => ({ link, state, seen })),
    cause: innermost && {
      en: `${innermost.link.en}: ${innermost.seen.en}`,
      zh: `${innermost.link.zh}: ${innermost.seen.zh}`,
    },
    next: innermost?.next ?? [],
  };
}

const LINKS = {
  port: { en: 'published port', zh: '发布端口' },
  nginx: same('nginx'),
  container: { en: 'container', zh: '应用容器' },
  programs: { en: 'programs', zh: '程序' },
  workers: { en: 'workers', zh: 'worker' },
  deep: { en: 'deep health', zh: '深度健康检查' },
  database: { en: 'database', zh: '数据库' },
  redis: same('redis'),
} as const satisfies Record<string, Text>;

const ANSWERS: Text = { en: 'answers', zh: '应答正常' };

type Answer<T> = Asked & { readonly found: T | undefined };

async function ask<T>(link: Text, question: () => Promise<{ text: Text; found: T }>): Promise<Answer<T>> {
  return question().then(
    ({ text, found }) => ({ link, state: 'ok', seen: text, next: [], found }),
    unlessInterrupted(({ what, next }) => ({ link, state: 'broken', seen: headline(what), next, found: undefined })),
  );
}

async function after<B, T>(
  basis: Answer<B>,
  link: Text,
  question: (found: B) => Promise<{ text: Text; found: T }>,
): Promise<Answer<T>> {
  const { found } = basis;
  if (found !== undefined) return ask(link, () => question(found));
  return { link, state: '-', seen: { en: 'not asked', zh: '未检查' }, next: [], found: undefined };
}

async function programsOf({ ops }: Context, container: Container) {
  const all = await listPrograms(ops, container.id);
  const inside = (...argv: readonly string[]) => same(asTyped(['docker', 'exec', container.name, ...argv]));
  const down = all.filter((p) => p.state !== 'RUNNING');
  const list = (programs: readonly Program[]) => programs.map((p) => `${p.name} ${p.state}`).join(', ');
  if (down.length > 0) {
    throw refuse(
      same(list(down)),
      same('npx tsx scripts/adhoc/tail-logs.ts'),
      ...down.map((p) => inside('supervisorctl', 'start', p.name)),
    );
  }
  const port = ops.target.ports.direct;
  const web = all.find((p) => p.ports.includes(port));
  if (web === undefined) {
    const text: Text = {
      en: `none listens on port ${port} (${list(all)})`,
      zh: `没有程序监听端口 ${port} (${list(all)})`,
    };
    throw refuse(text, inside('supervisorctl', 'status'));
  }
  return { text: same(list(all)), found: web };
}

async function workersOf({ ops }: Context, container: Container | undefined, web: Program) {
  const { workers } = await lookAtWorkers(ops, container?.id ?? '', web.pid);
  const booted = workers.filter((w) => w.state === 'serving').length;
  const text: Text = {
    en: `${booted} of ${workers.length} have booted`,
    zh: `${workers.length} 个中 ${booted} 个已就绪`,
  };
  if (booted > 0) return { text, found: booted };
  const log = `${ops.target.app.userdata}/logs/gunicorn_error.log`;
  throw refuse(text, same(asTyped(['docker', 'exec', container?.name ?? '', 'tail', '-n', '50', log])));
}

async function deepOf({ ops }: Context, container: Container | undefined) {
  const { direct } = endpointsOf(ops.target, container as Container);
  const health = await healthCheck(ops, { direct }, { timeoutMs: GLANCE_MS });
  const text = health.checks[0]?.text ?? ANSWERS;
  if (!health.healthy) throw refuse(text);
  return { text, found: true };
}

/** As users come: through the port that is published, to the page that nginx serves. */
async function pageOf({ ops }: Context, container: Container | undefined): Promise<readonly Asked[]> {
  const { nginx: inside } = ops.target.ports;
  const published = container?.ports.find((p) => p.target === inside);
  const port = (state: Link['state'], seen: Text): Asked => ({ link: LINKS.port, state, seen, next: [] });
  const notAsked: Asked = { link: LINKS.nginx, state: '-', seen: { en: 'not asked', zh: '未检查' }, next: [] };
  if (container === undefined) return [port('-', notAsked.seen), notAsked];
  if (published === undefined) {
    return [port('broken', { en: `port ${inside} is not published`, zh: `端口 ${inside} 未发布` }), notAsked];
  }
  const { checks } = await healthCheck(ops, endpointsOf(ops.target, container), { timeoutMs: GLANCE_MS });
  const basic = checks.find((c) => c.name === 'basic');
  if (basic === undefined || basic.outcome === 'refused')
    return [port('broken', basic?.text ?? notAsked.seen), notAsked];
  const open = port('ok', same(`${published.hostIp}:${published.published} → ${inside}`));
  return [open, { link: LINKS.nginx, state: basic.healthy ? 'ok' : 'broken', seen: basic.text, next: [] }];
}
