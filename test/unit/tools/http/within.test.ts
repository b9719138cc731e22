import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DUE, within } from '../../../../lib/tools/http/within.ts';

// Whoever asks it gets the beginning of an answer, and no end.
const server = createServer((_, response) => response.writeHead(200).write('it begins'));
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const whole = async (signal: AbortSignal) => (await fetch(url, { signal })).text();

it('ends in time, whatever the garbage collector takes', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const asked = within({ signal: new AbortController().signal }, 500, whole);
  const collecting = setInterval(collect, 20);
  try {
    expect(await asked).toBe(DUE);
  } finally {
    clearInterval(collecting);
  }
}, 10_000);

it('gives what was asked for, and what was thrown', async () => {
  const never = { signal: new AbortController().signal };
  expect(await within(never, 60_000, async (signal) => (await fetch(url, { signal })).status)).toBe(200);
  await expect(within(never, 60_000, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
});

it('ends with the run, for the run’s reason', async () => {
  const run = new AbortController();
  const asked = within(run, 60_000, whole);
  run.abort(new Error('interrupted'));
  await expect(asked).rejects.toThrow('interrupted');
  await expect(within(run, 60_000, whole)).rejects.toThrow('interrupted');
});
