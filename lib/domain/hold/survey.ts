import { z } from 'zod';
import { OpsError, whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { ask, read } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { isRootless } from '../../tools/docker/engine.ts';
import { getFromEngine } from '../../tools/docker/engine-api.ts';
import { type Family, type Firewall, findFirewall, listing } from '../../tools/iptables/iptables.ts';
import { lastReplacement } from '../ledger/requests.ts';
import { type Doorman, postDoorman } from './doorman.ts';
import { leaseRules } from './lease.ts';
import { type HeldPort, reachedAt } from './ports.ts';
import { bridgesIn, commentOf, isEnginesTable, rulesFor } from './rules.ts';

/** What was asked for on the command line. */
export interface HoldOptions {
  /** `--no-hold` says no. */
  readonly wanted: boolean;
  /** Seconds that a request waits at most. */
  readonly atMost: number;
  /** Seconds that what is under way may take to its end; default 30, as gunicorn gives a request. */
  readonly drainAtMost?: number;
  /** Nobody is to wait: who comes gets the page, also where nothing serves. */
  readonly page?: true;
}

/** Whether requests can wait while the application's container is replaced, and all that it takes. Plain data. */
export type HoldFacts =
  | {
      readonly kind: 'holds';
      readonly firewall: Firewall;
      readonly bridges: readonly string[];
      readonly ports: readonly HeldPort[];
      readonly network: string;
      readonly atMost: number;
      readonly drainAtMost: number;
      /** A request went to the container that serves by way of a doorman; with `--plan` it is not tried. */
      readonly tried: boolean;
      /** IPv6 addresses are published, and nobody here may change the rules for them. */
      readonly withoutIpv6: boolean;
    }
  | {
      readonly kind: 'plain';
      readonly why: Text;
      /** Milliseconds that the last replacement here took visitors; undefined when none was measured. */
      readonly lastTook?: number | undefined;
    };

/**
 * Looks whether requests can be held, and tries it with one of our own that goes to the container that serves: from loopback and over an
 * address of this machine. Nobody else's request is touched, and nothing of it stays.
 *
 * @param app the application's container.
 * @param tries not with `--plan`.
 */
export async function surveyHold(
  ops: Ops,
  app: Container | undefined,
  { wanted, atMost, drainAtMost = 30, page }: HoldOptions,
  tries: boolean,
): Promise<HoldFacts> {
  const plain = (why: Text): HoldFacts => ({ kind: 'plain', why, lastTook: lastReplacement(ops.paths) });
  if (!wanted) return plain(NOT_WANTED);
  if (app === undefined || (app.state !== 'running' && !page)) return plain(NOBODY_SERVES);
  const { ports: asked, addresses, networks } = await reachedAt(ops, app.id);
  // On a machine without IPv6 the engine binds none, and refuses to when it is asked.
  const all = asked.filter((p) => p.family === 'ipv4' || ops.net.addresses().some((a) => a.includes(':')));
  const network = await publishing(ops, addresses.length > 0 ? addresses.map((a) => a.network) : networks);
  if (all.length === 0 || network === undefined || (addresses.length === 0 && !page)) return plain(NOTHING_PUBLISHED);
  if (await isRootless(ops)) return plain(ROOTLESS);
  const firewall = await findFirewall(ops);
  if (firewall === undefined) return plain(NO_IPTABLES);
  const nat = (await listing(ops, firewall, 'ipv4')) ?? [];
  if (!isEnginesTable(nat)) return plain(NOT_ENGINES);
  const ports = all.filter((p) => firewall.families.includes(p.family));
  const families = firewall.families.filter((family) => ports.some((p) => p.family === family));
  const facts: HoldFacts = {
    kind: 'holds',
    firewall: { ...firewall, families },
    bridges: bridgesIn(nat),
    ports,
    network,
    atMost,
    drainAtMost,
    tried: tries,
    withoutIpv6: ports.length < all.length,
  };
  if (!tries) return facts;
  const failure = await tryHold(
    ops,
    app,
    facts,
    page ? undefined : addresses.find((a) => a.network === network)?.address,
  );
  return failure ? plain(notProved(failure)) : facts;
}

/** The first of them in which the engine publishes ports: it does not in an internal one. */
async function publishing(ops: Ops, networks: readonly string[]): Promise<string | undefined> {
  const [first, ...others] = networks;
  if (others.length === 0) return first;
  const all = await getFromEngine(ops, '/networks', z.array(z.object({ Name: z.string(), Internal: z.boolean() })));
  const internal = new Set(all.filter((n) => n.Internal).map((n) => n.Name));
  return networks.find((network) => !internal.has(network)) ?? first;
}

export type Holds = Extract<HoldFacts, { kind: 'holds' }>;

/** Ports of our own requests during a trial; those that the kernel gives out by itself begin higher. */
const FROM = { curl: '20480-20735', rule: '20480:20735' };

/**
 * @param address where our request goes; without one it gets the page.
 * @returns why it did not work.
 */
async function tryHold(ops: Ops, app: Container, holds: Holds, address: string | undefined): Promise<Text | undefined> {
  const { firewall, ports, bridges } = holds;
  const urls = urlsOf(ops, ports, firewall.families);
  if (urls.length === 0) return NO_HTTP;
  const comment = commentOf(ops.paths);
  let doorman: Doorman | undefined;
  try {
    const post = { ...holds, imageId: app.imageId, home: address };
    doorman = await postDoorman(ops, post, `${app.name}-doorman-trial`);
    const { door } = doorman;
    await (address === undefined ? doorman.close() : doorman.lead({ network: holds.network, address }));
    const lease = await leaseRules(ops, firewall, (until) =>
      rulesFor(ports, door, { comment, until, bridges, from: FROM.rule }),
    );
    try {
      for (const url of urls) {
        const before = await doorman.look();
        const status = await ask(ops, get(url));
        const { taken, turnedAway } = await doorman.look();
        if (taken === before.taken) return passedBy(url);
        // Its own page is an answer, too, but not the application's.
        const isPage = turnedAway > before.turnedAway;
        if (isPage !== (address === undefined) || !/^[2345]\d\d$/.test(status)) return noAnswer(url, status);
      }
    } finally {
      await lease.end();
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof OpsError) || error.kind === 'interrupted') throw error;
    return whatHappened(error);
  } finally {
    await doorman?.discard();
  }
}

/** One port of each family over loopback, and over another IPv4 address of this machine, as far as it is published there. */
function urlsOf({ net, target }: Ops, ports: readonly HeldPort[], families: readonly Family[]): string[] {
  const there = net.addresses();
  const own = there.find((a) => !a.includes(':') && !a.startsWith('127.'));
  const wildcards = { '0.0.0.0': ['127.0.0.1', ...(own ? [own] : [])], '::': there.includes('::1') ? ['::1'] : [] };
  return families.flatMap((family) => {
    const http = [target.ports.nginx, target.ports.direct];
    const port = ports.find((p) => p.family === family && http.includes(p.target));
    if (port === undefined) return [];
    const hosts = wildcards[port.hostIp as keyof typeof wildcards] ?? [port.hostIp];
    const typed = hosts.map((host) => (family === 'ipv6' ? `[${host}]` : host));
    return typed.map((host) => `http://${host}:${port.published}${target.health.basic}`);
  });
}

const get = (url: string) =>
  read([
    ...['curl', '-gs', '-o', '/dev/null', '-w', '%{http_code}', '--noproxy', '*', '--max-time', '10'],
    ...['--local-port', FROM.curl, url],
  ]);

const NOT_WANTED: Text = { en: '--no-hold was given', zh: '指定了 --no-hold' };
const NOBODY_SERVES: Text = { en: 'the application does not run', zh: '应用未在运行' };
const NOTHING_PUBLISHED: Text = {
  en: 'the application publishes no port of its own (host networking, or none)',
  zh: '应用没有自己发布的端口 (使用主机网络, 或未发布端口)',
};
const ROOTLESS: Text = { en: 'the engine runs rootless', zh: 'Docker 引擎以 rootless 方式运行' };
const NO_IPTABLES: Text = {
  en: 'iptables is missing, or may be used neither as this user nor through sudo -n',
  zh: '没有 iptables, 或当前用户及 sudo -n 均无权使用',
};
const NOT_ENGINES: Text = {
  en: 'the engine does not lead connections to its containers by iptables',
  zh: 'Docker 引擎未通过 iptables 转发容器端口',
};
const NO_HTTP: Text = { en: 'no port is published on which a trial could ask', zh: '没有发布可用于试验的 HTTP 端口' };

const passedBy = (url: string): Text => ({
  en: `a request to ${printable(url)} went past it`,
  zh: `对 ${printable(url)} 的请求未经过暂存`,
});

const noAnswer = (url: string, status: string): Text => ({
  en: `a request to ${printable(url)} was not answered by way of it (${printable(status)})`,
  zh: `经暂存转发后, 对 ${printable(url)} 的请求没有应答 (${printable(status)})`,
});

const notProved = (why: Text): Text => ({ en: `a trial failed: ${why.en}`, zh: `试验未通过: ${why.zh}` });
