import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { itInFull } from '../thorough.ts';
import { expectOld } from '../update/judge.ts';
import { update } from '../update/run.ts';
import type { Stack } from '../update/stack.ts';

/** The limit of a fetch, and what starting and judging take on a busy machine. */
const AT_MOST_MS = 60_000 + 30_000;

/** The repository that releases come from does not do its part. */
export function remoteCases(stack: () => Stack): void {
  itInFull('a remote that accepts the connection and never answers', async () => {
    await stack().release();
    const { port, accepted } = await silentServer();
    const address = stack().git(['remote', 'get-url', 'origin']).trim();
    stack().git(['remote', 'set-url', 'origin', `git://127.0.0.1:${port}/app.git`]);
    onTestFinished(() => void stack().git(['remote', 'set-url', 'origin', address]));
    const run = await update(stack());
    await expectOld(stack(), run, 1);
    expect(accepted()).toBeGreaterThan(0); // it was this server that was waited for
    expect(run.milliseconds).toBeLessThan(AT_MOST_MS);
    expect(run.text).toMatch(/did not send everything within 60 s, so the fetch was stopped/);
    expect(run.text).toContain('→');
  });
}

/** Whoever connects to it waits for ever. */
async function silentServer(): Promise<{ port: number; accepted: () => number }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, accepted: () => sockets.length };
}
