import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startProbe, summarize } from '../../../../lib/tools/http/probe.ts';

const real = {
  clock: { now: () => 0, monotonic: () => performance.now(), sleep: async () => undefined },
  net: { fetch } as never,
  signal: new AbortController().signal,
};
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Until something is so, however long a busy machine takes. */
const until = async (isSo: () => boolean) => {
  while (!isSo()) await wait(5);
};

describe('summarize', () => {
  it('is quiet about a good time', () => {
    const successes = Array.from({ length: 100 }, (_, i): [number, number] => [i * 50, i * 50 + i + 1]);
    expect(summarize([], successes, 9_000)).toEqual({
      sent: 100,
      failed: 0,
      longestGapMs: 0,
      latencyMs: { p50: 50, p99: 99, max: 100 },
    });
  });

  it('measures from the first failure to the next success', () => {
    expect(
      summarize(
        [50, 100, 150],
        [
          [0, 10],
          [200, 230],
        ],
        300,
      ),
    ).toMatchObject({ failed: 3, longestGapMs: 180 });
  });

  it('takes the longest of several gaps', () => {
    expect(
      summarize(
        [10, 500, 550],
        [
          [0, 5],
          [60, 70],
          [600, 650],
          [700, 701],
        ],
        900,
      ),
    ).toMatchObject({ longestGapMs: 150 });
  });

  it('does not end a gap with an answer to a request from before', () => {
    expect(
      summarize(
        [50],
        [
          [0, 60],
          [100, 120],
        ],
        200,
      ),
    ).toMatchObject({ longestGapMs: 70 });
  });

  it('ends a gap with whichever later success comes first', () => {
    expect(
      summarize(
        [0],
        [
          [50, 4_000],
          [100, 130],
        ],
        5_000,
      ),
    ).toMatchObject({ longestGapMs: 130 });
  });

  it('counts a gap that never ended to the end', () => {
    expect(summarize([100, 150], [[0, 10]], 1_000)).toMatchObject({ longestGapMs: 900 });
    expect(summarize([], [], 1_000)).toEqual({
      sent: 0,
      failed: 0,
      longestGapMs: 0,
      latencyMs: { p50: 0, p99: 0, max: 0 },
    });
  });
});

describe('startProbe', () => {
  async function server() {
    const state = { up: true, answers: true, seen: 0 };
    const http = createServer((_request, response) => {
      state.seen += 1;
      if (state.answers) response.writeHead(state.up ? 200 : 503).end('{}');
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      http.closeAllConnections();
      http.close();
    });
    return { state, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/` };
  }

  it('asks at its rate and measures an outage', async () => {
    const { state, url } = await server();
    const probe = startProbe(real, url, { perSecond: 50, timeoutMs: 1_000 });
    await until(() => state.seen >= 3);
    state.up = false;
    const from = state.seen;
    const began = performance.now();
    await until(() => state.seen >= from + 6);
    const lasted = performance.now() - began;
    state.up = true;
    const up = state.seen;
    await until(() => state.seen >= up + 3);
    const outage = await probe.stop();
    expect(outage.sent).toBe(state.seen);
    // A request may be under way at either end.
    expect(outage.failed).toBeGreaterThanOrEqual(5);
    expect(outage.failed).toBeLessThan(outage.sent);
    expect(outage.longestGapMs).toBeGreaterThan(lasted / 2);
    expect(outage.latencyMs.p50).toBeGreaterThan(0);
    expect(outage.latencyMs.p50).toBeLessThanOrEqual(outage.latencyMs.max);
    const { seen } = state;
    await wait(100);
    expect(state.seen).toBe(seen);
    expect(await probe.stop()).toBe(outage);
  });

  it('goes on asking while nobody answers, and counts what timed out', async () => {
    const { state, url } = await server();
    state.answers = false;
    const probe = startProbe(real, url, { perSecond: 50, timeoutMs: 100 });
    await until(() => state.seen >= 5);
    const outage = await probe.stop();
    expect(outage.sent).toBeGreaterThanOrEqual(5);
    expect(outage.failed).toBe(outage.sent);
    expect(outage.longestGapMs).toBeGreaterThanOrEqual(100);
  });

  it('tells for how long it could not look', async () => {
    const { state, url } = await server();
    const clock = { ...real.clock, monotonic: () => performance.now() + held };
    let held = 0;
    const probe = startProbe({ ...real, clock }, url, { perSecond: 50 });
    await until(() => state.seen >= 3);
    held = 3_000; // as when a disk takes so long to flush
    await until(() => state.seen >= 6);
    const { blindMs } = await probe.stop();
    expect(blindMs).toBeGreaterThanOrEqual(3_000);
    expect(blindMs).toBeLessThan(3_900);
    const other = startProbe(real, url, { perSecond: 50 });
    await until(() => state.seen >= 10);
    expect((await other.stop()).blindMs).toBeLessThan(3_000);
  });

  it('believes nothing that ended with its being held up: neither a failure nor a long wait', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const asked: { answer: (response: Response) => void; fail: (error: Error) => void }[] = [];
    const told: (boolean | undefined)[] = [];
    let held = 0;
    const probe = startProbe(
      {
        ...real,
        clock: { ...real.clock, monotonic: () => performance.now() + held },
        net: { fetch: () => new Promise((answer, fail) => asked.push({ answer, fail })) } as never,
        requests: { sent: () => (well) => told.push(well) },
      },
      'http://x/',
      { perSecond: 10 },
    );
    await vi.advanceTimersByTimeAsync(350);
    expect(asked).toHaveLength(4);
    held = 16_000;
    asked[0]?.fail(new Error('socket hang up'));
    asked[1]?.answer(new Response('{}'));
    await vi.advanceTimersByTimeAsync(2_000);
    asked[2]?.fail(new Error('socket hang up'));
    asked[3]?.answer(new Response('{}'));
    for (const { answer } of asked.slice(4)) answer(new Response('{}'));
    await vi.advanceTimersByTimeAsync(0);
    const outage = await probe.stop();
    expect(told.slice(0, 4)).toEqual([undefined, undefined, false, true]);
    expect(outage).toMatchObject({ sent: asked.length - 2, failed: 1 });
    expect(outage.blindMs).toBeGreaterThanOrEqual(16_000);
  });

  it('says that it was held up also where it only waits for the last answers', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let held = 0;
    let answer: (response: Response) => void = () => undefined;
    const clock = { ...real.clock, monotonic: () => performance.now() + held };
    const net = { fetch: () => new Promise((resolve) => (answer = resolve)) } as never;
    const probe = startProbe({ ...real, clock, net }, 'http://x/', { perSecond: 10 });
    const stopped = probe.stop();
    held = 5_000;
    answer(new Response('{}'));
    await vi.advanceTimersByTimeAsync(200);
    expect(await stopped).toMatchObject({ sent: 0, failed: 0, blindMs: expect.closeTo(5_000, -3) });
  });

  it('takes no more places than fifty among those who wait', async () => {
    const asked: ((error: Error) => void)[] = [];
    const net = { fetch: () => new Promise((_, fail) => asked.push(fail)) } as never;
    const probe = startProbe({ ...real, net }, 'http://x/', { perSecond: 1_000, timeoutMs: 600_000 });
    await until(() => asked.length === 50);
    await wait(200);
    expect(asked).toHaveLength(50);
    const outage = probe.stop();
    for (const fail of asked) fail(new Error('closed'));
    expect((await outage).sent).toBe(50);
  });

  it('survives a closed port and fetches that throw at once', async () => {
    let thrown = 0;
    const closed = startProbe(real, 'http://127.0.0.1:1/', { perSecond: 50 });
    const throwing = startProbe(
      {
        ...real,
        net: {
          fetch: () => {
            thrown += 1;
            throw new Error('no');
          },
        } as never,
      },
      'http://x/',
      { perSecond: 50 },
    );
    await until(() => thrown >= 2);
    for (const probe of [closed, throwing]) {
      const { sent, failed } = await probe.stop();
      expect(failed).toBe(sent);
      expect(sent).toBeGreaterThan(0);
    }
    expect((await throwing.stop()).sent).toBe(thrown);
  });

  it('ends with the run', async () => {
    const { state, url } = await server();
    const stop = new AbortController();
    const probe = startProbe({ ...real, signal: stop.signal }, url, { perSecond: 50 });
    await until(() => state.seen >= 2);
    stop.abort();
    const { sent } = await probe.stop();
    await wait(100);
    expect(state.seen).toBe(sent);
  });
});
