import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { targetFor } from '../../../../lib/core/target.ts';
import { endpointsOf, healthCheck, waitForHealth } from '../../../../lib/domain/app/health.ts';
import type { Container } from '../../../../lib/tools/docker/containers.ts';
import { testOps } from '../../../support/ops.ts';

const BASIC = '/api/v1/health/basic';
const NEW = '/api/v1/health';
const OLD = '/api/v1/health/health';
const container = { id: 'appid', name: 'app', restartCount: 0, ports: [], addresses: {} } as unknown as Container;

const report = (data: unknown, success = true) =>
  JSON.stringify({ success, error: null, message: '', timestamp: '', data });
const healthy = { status: 'healthy', database: 'connected', redis: 'connected', version: '1' };
const good: Record<string, string> = { [BASIC]: report({ status: 'healthy' }), [NEW]: report(healthy) };

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A port that was free a moment ago. (fetch refuses low ports by itself.) */
async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** A server of fixed bodies; other paths are 404. */
const bodies = (pages: Record<string, string>) =>
  serve((request, response) => {
    const body = pages[request.url ?? ''];
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(body);
  });

function opsFor(respond = () => ({ stdout: 'running 0 0 false\n' })) {
  return testOps(respond, {
    net: { fetch: (u: string, i: object) => fetch(u, { ...i, redirect: 'manual' }) } as never,
  });
}

async function check(url: string, timeoutMs = 2_000) {
  return healthCheck(opsFor(), { nginx: url, direct: url }, { timeoutMs });
}

describe('healthCheck', () => {
  it('is healthy when both checks say so', async () => {
    const { healthy: yes, checks } = await check(await bodies(good));
    expect(yes).toBe(true);
    expect(checks.map((c) => [c.name, c.outcome])).toEqual([
      ['basic', 'healthy'],
      ['deep', 'healthy'],
    ]);
  });

  it('tries the older path when the newer is 404, and only then', async () => {
    const asked: string[] = [];
    const url = await serve((request, response) => {
      asked.push(request.url ?? '');
      const body = request.url === BASIC ? good[BASIC] : request.url === OLD ? report(healthy) : undefined;
      response.writeHead(body ? 200 : 404).end(body);
    });
    expect((await check(url)).healthy).toBe(true);
    expect(asked.filter((u) => u !== BASIC)).toEqual([NEW, OLD]);
    const { checks } = await check(await bodies({ [BASIC]: good[BASIC] as string }));
    expect(checks[1]).toMatchObject({ outcome: 'not-found', url: expect.stringContaining(OLD) });
    const broken = await bodies({ ...good, [NEW]: report({ ...healthy, redis: 'error' }), [OLD]: report(healthy) });
    expect((await check(broken)).checks[1]).toMatchObject({
      outcome: 'unhealthy',
      url: expect.stringMatching(/health$/),
    });
  });

  it.each([
    ['unhealthy with a 200', report({ status: 'unhealthy', database: 'error', redis: 'connected' })],
    ['the database away', report({ ...healthy, database: 'error' })],
    ['Redis away', report({ ...healthy, redis: 'error' })],
    ['success false', report(healthy, false)],
    ['no word on the database', report({ status: 'healthy', redis: 'connected' })],
    ['another case', report({ ...healthy, status: 'Healthy' })],
  ])('is not healthy: %s', async (_what, body) => {
    const { healthy: yes, checks } = await check(await bodies({ ...good, [NEW]: body }));
    expect(yes).toBe(false);
    expect(checks[1]).toMatchObject({ outcome: 'unhealthy', healthy: false });
  });

  it.each([
    ['not JSON', 'healthy', 'not-json'],
    ['JSON of another kind', '{"status":"healthy"}', 'not-envelope'],
    ['success as a word', '{"success":"true","data":{"status":"healthy"}}', 'not-envelope'],
    ['no data', '{"success":true,"data":null}', 'not-envelope'],
    ['a web page', '<!doctype html><title>healthy', 'html'],
    ['an endless body', `"${'x'.repeat(200_000)}"`, 'too-large'],
  ])('explains %s', async (_what, body, outcome) => {
    expect((await check(await bodies({ ...good, [NEW]: body }))).checks[1]).toMatchObject({ outcome });
  });

  it.each([
    [502, 'gateway'],
    [503, 'gateway'],
    [504, 'gateway'],
    [500, 'http'],
    [401, 'http'],
    [204, 'http'],
    [301, 'redirect'],
  ])('explains status %i, whatever the body says', async (status, outcome) => {
    const url = await serve((request, response) => {
      response.writeHead(status, { location: 'https://x/' }).end(status === 204 ? undefined : good[request.url ?? '']);
    });
    const { checks } = await check(url);
    expect(checks.map((c) => c.outcome)).toEqual([outcome, outcome]);
  });

  it('waits as visitors do: workers that are recycled together are nothing wrong', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const late = async (url: string, { signal }: { signal: AbortSignal }) => {
      await new Promise((resolve, reject) => {
        setTimeout(resolve, 12_000);
        signal.addEventListener('abort', reject);
      });
      return new Response(good[new URL(url).pathname]);
    };
    const asked = healthCheck(
      testOps(() => undefined, { net: { fetch: late } as never }),
      { nginx: 'http://a', direct: 'http://b' },
    );
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await asked).toMatchObject({ healthy: true });
  });

  it('explains silence, a slow body, a closed port and a broken connection', async () => {
    const silent = await serve(() => undefined);
    expect((await check(silent, 50)).checks[0]).toMatchObject({
      outcome: 'timeout',
      text: { en: 'no answer within 50 ms' },
    });
    const slow = await serve((_request, response) => void response.writeHead(200).write('{'));
    expect((await check(slow, 50)).checks[0]).toMatchObject({ outcome: 'timeout' });
    expect((await check(await closedPort())).checks[0]).toMatchObject({ outcome: 'refused' });
    const rude = await serve((request) => void request.socket.destroy());
    expect((await check(rude)).checks[0]).toMatchObject({ outcome: 'network' });
  });

  it('asks over a connection of its own each time', async () => {
    const ports = new Set<number>();
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort ?? 0);
      response.end(good[request.url ?? '']);
    });
    await check(url);
    await check(url);
    expect(ports.size).toBe(4);
  });

  it('stops when the run is stopped', async () => {
    const silent = await serve(() => undefined);
    const stop = new AbortController();
    const ops = { ...opsFor(), signal: stop.signal };
    setTimeout(() => stop.abort(new Error('stopped')), 20);
    await expect(healthCheck(ops, { nginx: silent, direct: silent })).rejects.toThrow('stopped');
  });
});

describe('waitForHealth', () => {
  /** Healthy or not by turns, as `turns` says; the last one for ever. */
  async function turns(...states: boolean[]) {
    let n = 0;
    return serve((request, response) => {
      const up = request.url === BASIC || (states[Math.min(n++, states.length - 1)] as boolean);
      response.writeHead(up ? 200 : 503).end(up ? good[request.url ?? ''] : 'no');
    });
  }

  it('wants it several times in a row', async () => {
    const url = await turns(false, true, false, true, true);
    const ops = opsFor();
    expect((await waitForHealth(ops, { nginx: url, direct: url }, container, { deadlineMs: 10_000 })).healthy).toBe(
      true,
    );
    expect(ops.clock.monotonic()).toBe(4 * 150);
  });

  it('gives up at the deadline, and says what it saw last', async () => {
    const url = await turns(false);
    const wait = waitForHealth(opsFor(), { nginx: url, direct: url }, container, { deadlineMs: 1_000 });
    await expect(wait).rejects.toMatchObject({
      kind: 'deadline',
      what: { en: expect.stringContaining('nginx does not reach the application (503)') },
    });
  });

  /** Says that it is unhealthy, or that status, after so many looks in which nothing answers. */
  async function unhealthyAfter(looks: number, status: number, ...then: boolean[]) {
    let n = 0;
    return serve((request, response) => {
      if (request.url === BASIC) return void response.end(good[BASIC]);
      const at = n++ - looks;
      if (at < 0) return void request.socket.destroy();
      if (!then[at] && status !== 200) return void response.writeHead(status).end('no');
      response.end(then[at] ? good[NEW] : report({ ...healthy, status: 'unhealthy' }));
    });
  }

  it.each([
    [200, /status unhealthy/],
    [503, /503/],
    [404, /404/],
    [500, /HTTP 500/],
  ])(
    'gives up sooner on one that has booted and goes on answering %d, and not that it is healthy',
    async (status, said) => {
      const url = await unhealthyAfter(10, status);
      const ops = opsFor();
      const limits = { deadlineMs: 90_000, unhealthyMs: 3_000 };
      await expect(waitForHealth(ops, { nginx: url, direct: url }, container, limits)).rejects.toMatchObject({
        kind: 'deadline',
        what: { en: expect.stringMatching(new RegExp(`within 3 s\\. Last: .*${said.source}`)) },
      });
      expect(ops.clock.monotonic()).toBe(10 * 150 + 3_000);
    },
  );

  it('does not take one for that which has not booted, or gets healthy', async () => {
    const url = await unhealthyAfter(40, 200, false, false, true, true);
    const limits = { deadlineMs: 90_000, unhealthyMs: 3_000 };
    expect((await waitForHealth(opsFor(), { nginx: url, direct: url }, container, limits)).healthy).toBe(true);
  });

  it('gives the last look time to see, so that it does not blame the answer for the deadline', async () => {
    const silent = await serve(() => undefined);
    const wait = waitForHealth(opsFor(), { nginx: silent, direct: silent }, container, { deadlineMs: 5 });
    await expect(wait).rejects.toMatchObject({ what: { en: expect.stringContaining('no answer within 1000 ms') } });
  });

  it('gives up at once when the container was restarted', async () => {
    const url = await turns(false);
    const ops = opsFor(() => ({ stdout: 'running 1 0 false\n' }));
    const wait = waitForHealth(ops, { nginx: url, direct: url }, container, { deadlineMs: 60_000 });
    await expect(wait).rejects.toMatchObject({ kind: 'command', what: { en: expect.stringContaining('restarted') } });
    expect(ops.clock.monotonic()).toBe(0);
  });
});

describe('endpointsOf', () => {
  const target = targetFor('/x');
  const at = (more: Partial<Container>) => endpointsOf(target, { ...container, ...more });
  it.each([
    [
      'published ports',
      {
        ports: [
          { target: 80, published: 8080, hostIp: '0.0.0.0', protocol: 'tcp' as const },
          { target: 5001, published: 15001, hostIp: '10.0.0.5', protocol: 'tcp' as const },
        ],
      },
      'http://127.0.0.1:8080',
      'http://10.0.0.5:15001',
    ],
    ['the container’s address', { addresses: { n: '172.18.0.4' } }, 'http://172.18.0.4:80', 'http://172.18.0.4:5001'],
    [
      'one of each, IPv6',
      { ports: [{ target: 80, published: 80, hostIp: '::', protocol: 'tcp' as const }], addresses: { n: 'fd00::4' } },
      'http://[::1]:80',
      'http://[fd00::4]:5001',
    ],
  ])('finds %s', (_what, more, nginx, direct) => expect(at(more)).toEqual({ nginx, direct }));
  it('refuses a container that cannot be reached', () =>
    expect(() => at({ addresses: { none: '' } })).toThrow('be reached'));
});
