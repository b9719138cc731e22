import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { postDoorman } from '../../lib/domain/hold/doorman.ts';
import { removeLeftRules } from '../../lib/domain/hold/lease.ts';
import { restartEngineWeStarted } from '../sandbox/engine.ts';
import { ensureBaseImages } from '../sandbox/images.ts';
import { startLoadFrom } from '../support/load.ts';
import { ask, every } from './hold/clients.ts';
import { Elsewhere } from './hold/elsewhere.ts';
import { Little, PORTS } from './hold/little.ts';
import { itInFull } from './thorough.ts';

// One container takes another one's place; what runs in it, and who does it, is of no interest here.
let little: Little;
let elsewhere: Elsewhere;

const HTTP = `http://127.0.0.1:${PORTS.http}/`;
const good = (got: { readonly status: number | string }) => got.status === 200;

beforeAll(async () => {
  little = new Little((await ensureBaseImages()).appBase);
  elsewhere = new Elsewhere(1);
});

afterEach(() => {
  little.stopAll();
  expect(little.left()).toEqual([]);
});

afterAll(() => {
  elsewhere?.remove();
  little?.remove();
});

it('loses nobody: over loopback, IPv6, TLS, from another machine; slow requests, uploads and downloads across the replacement', async () => {
  const [first, second] = [await little.create(), await little.create(2)];
  const app = await little.serving(first);
  const { facts, hold } = await little.hold(app);
  expect(facts).toMatchObject({ kind: 'holds', tried: true, withoutIpv6: false });
  elsewhere.admitOnly(Object.values(PORTS)); // as ufw and its like do it
  const { enter, host6 } = elsewhere;
  const hosts = [{ enter: [], host: '127.0.0.1' }, { enter: [], host: '[::1]' }, elsewhere, { enter, host: host6 }];
  const loads = await Promise.all(
    hosts.map(({ enter, host }) => startLoadFrom(enter, `http://${host}:${PORTS.http}/`, '--rate', '10')),
  );
  const across = every();
  await hold.begin(little.ops, app);
  let waiting: ReturnType<typeof every> | undefined;
  await hold.drain(little.ops, app, async () => {
    waiting = every();
    little.stop(first);
  });
  expect(little.said.filter((line) => line.includes('still under way'))).toEqual([]);
  await hold.release(little.ops, await little.serving(second));
  expect((await across).filter((got) => !good(got))).toEqual([]);
  expect((await waiting)?.filter((got) => !good(got))).toEqual([]);
  expect((await ask(HTTP)).body).toContain(second.name);
  await hold.end(little.ops);
  expect(hold.seen).toMatchObject({ turnedAway: 0, cut: 0 });
  for (const { sent, outcomes } of await Promise.all(loads.map((load) => load.stop())))
    expect(outcomes).toEqual({ 200: sent });
});

it('sends nobody to a doorman that has died: requests go where they went before', async () => {
  const app = await little.serving(await little.create());
  const { hold } = await little.hold(app);
  await hold.begin(little.ops, app);
  const held = connect({ host: '127.0.0.1', port: PORTS.http });
  await once(held, 'connect');
  const closed = once(held, 'close');
  const since = performance.now();
  little.killDoorman();
  // It is said once both families' rules are gone, which the kernel knows a moment before us.
  const said = () => little.said.some((line) => line.includes('The program that held requests has ended'));
  while (hold.holding || !said()) await new Promise((resolve) => setTimeout(resolve, 20));
  console.log(`noticed after ${Math.round(performance.now() - since)} ms`);
  expect(little.left()).toEqual([]);
  await closed;
  expect(await ask(HTTP)).toMatchObject({ status: 200 });
  await hold.release(little.ops, app);
  await hold.end(little.ops);
});

it('answers who waits too long: with a page and when to come back, and TLS with an end', async () => {
  const app = await little.serving(await little.create());
  const { hold } = await little.hold(app, 1);
  await hold.begin(little.ops, app);
  const [page, encrypted, large] = await Promise.all([
    ask(HTTP),
    ask(`https://127.0.0.1:${PORTS.https}/`),
    ask(HTTP, { method: 'POST', headers: { 'content-length': '3000000' } }, [Buffer.alloc(3_000_000)]),
  ]);
  expect(page).toMatchObject({ status: 503, headers: { 'retry-after': '10' } });
  expect(page.body).toContain('系统维护中');
  expect(encrypted.status).toBe('ECONNRESET');
  expect(large.status).toBe(503);
  await hold.release(little.ops, app);
  expect(await ask(HTTP)).toMatchObject({ status: 200 });
  await hold.end(little.ops);
  expect(hold.seen).toMatchObject({ held: 3, turnedAway: 3 });
});

itInFull('cuts nobody in a queue that moves, and whoever is not answered', async () => {
  const app = await little.serving(await little.create());
  const { facts } = await little.hold(app);
  if (facts.kind !== 'holds') throw new Error('holding was not possible');
  const home = Object.values(app.addresses)[0] ?? '';
  const doorman = await postDoorman(little.ops, { ...facts, imageId: app.imageId, home }, `${app.name}-doorman-queue`);
  try {
    const port = doorman.door.ports.find((p) => p.family === 'ipv4' && p.target === 80)?.published;
    await doorman.lead({ network: facts.network, address: home });
    const within = (seconds: number) => ask(`http://127.0.0.1:${port}/?s=${seconds}`);
    const [queue, stuck] = [Promise.all([3, 6, 9, 12].map(within)), within(60)];
    while ((await doorman.look()).open < 5) await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await doorman.finish(8)).cut).toBe(1);
    expect((await queue).filter((got) => !good(got))).toEqual([]);
    expect(good(await stuck)).toBe(false);
  } finally {
    await doorman.discard();
  }
});

it('lets 500 in that have waited', async () => {
  const app = await little.serving(await little.create());
  const { hold } = await little.hold(app);
  await hold.begin(little.ops, app);
  const all = Array.from({ length: 500 }, () => ask(HTTP));
  await hold.release(little.ops, app);
  expect((await Promise.all(all)).filter((got) => !good(got))).toEqual([]);
  await hold.end(little.ops);
});

// Whatever else runs on the engine goes down with it.
itInFull('an engine that is started again in the middle of it: nobody is led to where nobody stands', async () => {
  const made = await little.create();
  const app = await little.serving(made);
  const { hold } = await little.hold(app);
  await hold.begin(little.ops, app);
  expect(await restartEngineWeStarted(), 'the engine is one that the sandbox started').toBe(true);
  expect(hold.holding).toBe(false);
  expect(little.left()).toEqual([]);
  expect(little.said.join()).toContain('The program that held requests has ended');
  const again = await little.serving(made);
  expect(await ask(HTTP)).toMatchObject({ status: 200 });
  await hold.release(little.ops, again);
  await hold.end(little.ops);
});

itInFull('outlives nobody: the kernel lets go of a killed run, and what waited goes where it went', async () => {
  const app = await little.serving(await little.create());
  const { facts } = await little.hold(app);
  const file = path.join(little.dir, 'facts.json');
  writeFileSync(file, JSON.stringify(facts));
  const holder = path.join(import.meta.dirname, 'hold/holder.ts');
  const run = spawn(process.execPath, ['--import', 'tsx', holder, little.dir, app.id, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => run.stdout.once('data', resolve));
  const held = ask(HTTP);
  const ended = new Promise((resolve) => run.once('close', resolve));
  run.kill('SIGKILL');
  const since = performance.now();
  await ended;
  expect(await held).toMatchObject({ status: 200 });
  // By way of the doorman, and past it when the kernel has let go.
  while (performance.now() - since < 17_000) expect(await ask(HTTP)).toMatchObject({ status: 200 });
  while (little.left().some((name) => name.includes('doorman')))
    await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await ask(HTTP)).toMatchObject({ status: 200 });
  expect(little.left()).not.toEqual([]);
  await removeLeftRules(little.ops);
});
