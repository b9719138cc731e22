import { type Ops, runName } from '../../core/ops.ts';
import { notProved } from '../../core/refusal.ts';
import { ask, change } from '../../core/run.ts';
import type { Step } from '../../core/step.ts';
import type { Text } from '../../core/text.ts';
import { containerHealth } from '../../domain/app/container-health.ts';
import { describeHealth, endpointsOf, type Health, healthCheck } from '../../domain/app/health.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { askStamp } from '../../domain/env/stamp.ts';
import { proveServed } from '../../domain/replacement/served.ts';
import { ownAddress } from '../../domain/replacement/stack-facts.ts';
import type { Facts } from '../../domain/stack/deployment.ts';
import { type Container, inspectContainer } from '../../tools/docker/containers.ts';
import { discardContainer, ownerLabels } from '../../tools/docker/helpers.ts';
import { proveHba } from '../../tools/pg-hba/hba.ts';
import { summarizeContents } from '../../tools/postgres/contents.ts';
import { identify, requireSameData } from '../../tools/postgres/identity.ts';
import type { Connected } from './connection.ts';
import type { Rebuild, Started } from './rebuild.ts';

export interface Proven {
  readonly health: Health;
  readonly tables: number;
  readonly commit: string | undefined;
  readonly imageId: string;
  readonly container: Text;
  readonly database: Text;
  /** What is not well, not released or not known all the same. */
  readonly besides: readonly Text[];
}

export interface Expected {
  readonly imageId: string;
  /** The stores, and the data as it was seen when they had started. */
  readonly started: Started;
  readonly connected: Connected;
  readonly app: Container;
}

export function proveStep(rebuild: Rebuild): Step<Proven, [Expected]> {
  const { health } = rebuild.target;
  return {
    id: 'prove',
    title: { en: 'Prove it', zh: '逐项验证' },
    risk: 'none',
    commands: [
      { en: 'docker exec <new> <its own health check>', zh: 'docker exec <new> <容器自身的健康检查>' },
      `GET ${health.basic}`,
      `GET ${health.deep.join(' | ')}`,
      {
        en: 'GET / with its scripts and styles, one route of each program that nginx leads to; supervisorctl status',
        zh: 'GET / 及页面引用的脚本与样式, nginx 转发到的每个程序各一个路由; supervisorctl status',
      },
      {
        en: 'PostgreSQL wire probe, wrong password, table count, commit, image',
        zh: 'PostgreSQL 协议探测, 错误密码, 表数量, 提交, 镜像',
      },
    ],
    run: (ops, expected) => prove(ops, rebuild.facts, expected),
    evidence: ({ container, database }) => ({
      en: `${container.en}; ${database.en}`,
      zh: `${container.zh}; ${database.zh}`,
    }),
  };
}

/**
 * The evidence at the end of a rebuild. Everything is asked of the running stack, nothing is taken from what the run believes
 * it did.
 *
 * @throws {OpsError} the first thing that is not as it should be.
 */
async function prove(ops: Ops, facts: Facts, expected: Expected): Promise<Proven> {
  const { app, started } = expected;
  const { stores } = started;
  const { now, evidence: container } = await containerHealth(ops, app);
  const [health, contents, identity, marker, postgres, redis] = await Promise.all([
    healthCheck(ops, endpointsOf(ops.target, now)),
    summarizeContents(ops, stores.database),
    identify(ops, stores.database),
    readMarker(ops, now.id),
    inspectContainer(ops, stores.database.container.id),
    inspectContainer(ops, stores.redis.id),
  ]);
  if (!health.healthy) throw notProved(describeHealth(health));
  const besides = await proveServed(ops, facts, now);
  if (contents.tables === 0) throw notProved({ en: 'the database has no tables', zh: '数据库中没有任何表' });
  requireSameData(started.identity, identity, { untouched: false });
  if (now.imageId !== expected.imageId) throw notProved({ en: 'another image runs', zh: '运行的不是新构建的镜像' });
  const commit = marker?.commit;
  if (commit !== facts.checkout.commit)
    throw notProved({ en: `the container says commit ${commit}`, zh: `容器中的提交为 ${commit}` });
  const stale = await askStamp(ops, now.id, commit);
  if (stale) throw notProved(stale);
  for (const c of [postgres, redis]) {
    if (c.state !== 'running') throw notProved({ en: `${c.name} is ${c.state}`, zh: `${c.name} 状态为 ${c.state}` });
  }
  const database = await fromTheAppsSide(ops, facts, now, expected);
  return { health, tables: contents.tables, commit, imageId: now.imageId, container, database, besides };
}

/**
 * pg_hba.conf as it counts: a client that shares the application's network, and so its address, is refused with a wrong
 * password, and the server asks for a password before anything else.
 */
async function fromTheAppsSide(
  ops: Ops,
  facts: Facts,
  app: Container,
  { started, connected }: Expected,
): Promise<Text> {
  const { database } = started.stores;
  const host = ownAddress(facts, database.container);
  const name = `${facts.stack.project}-client-${runName(ops).slice(0, 16)}`;
  try {
    const client = await ask(
      ops,
      change([
        ...['docker', 'run', '-d', '--rm', '--pull', 'never', '--name', name, ...ownerLabels(ops)],
        ...['--network', `container:${app.id}`, '--entrypoint', 'sleep', database.container.imageId, '600'],
      ]),
    );
    const address = { host, port: ops.target.ports.postgres };
    const remote = { address, clientContainer: client, clientHost: host };
    return (await proveHba(ops, database, remote, connected.closedSince)).evidence;
  } finally {
    await discardContainer(ops, name);
  }
}
