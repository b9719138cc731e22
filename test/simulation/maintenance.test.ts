import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { eachRun } from '../../lib/domain/ledger/runs.ts';
import { maintenanceScript as script } from '../../scripts/maintenance.ts';
import { type Deployment, production } from './model/deployment.ts';
import { throughDoor } from './model/door.ts';
import { Doorman } from './model/doorman.ts';
import { held, lock } from './model/invariants.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Production on a machine whose rules may be changed. */
async function withRules(): Promise<Deployment> {
  const d = await production();
  d.machine.absent.delete('iptables');
  d.machine.absent.delete('ip6tables');
  return d;
}

/** What visitors get at both ports. */
function seen({ machine: { engine, firewall } }: Deployment): unknown[] {
  return [28080, 28081].map((port) => {
    const peer = engine.publisher(firewall.leads(port) ?? port);
    const answer = peer && throughDoor(engine, peer, '/api/v1/health/basic');
    return typeof answer === 'object' ? answer.status : answer;
  });
}

/** What visitors get every few seconds while it runs. */
function watch(d: Deployment, every = 3_000): { readonly got: unknown[]; stop(): void } {
  const got: unknown[] = [];
  const over = new AbortController();
  const look = async () => {
    while (!over.signal.aborted) {
      got.push(seen(d).join());
      await d.machine.clock.sleep(every, over.signal).catch(() => undefined);
    }
  };
  void look();
  return { got, stop: () => over.abort() };
}

it('has visitors see the page for as long as it was told, renewed well beyond a rule’s own end, and leaves nothing', async () => {
  const d = await withRules();
  const visitors = watch(d);
  const ended = await d.run(['keep', '--for', '40s', '--yes'], { script });
  visitors.stop();
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toMatch(/is on at ports 28080, 28081, until \S+ at the latest/);
  expect(ended.text).toMatch(/is off; it was on for 4\d/);
  const pages = visitors.got.filter((v) => v === '503,503').length;
  expect(pages).toBeGreaterThan(11);
  expect(new Set(visitors.got)).toEqual(new Set(['200,200', '503,503']));
  expect(seen(d)).toEqual([200, 200]);
  expect([...(await held(d, ended)), ...lock(d)]).toEqual([]);
});

it('ends when it is told to', async () => {
  const d = await withRules();
  const running = d.run(['keep', '--for', '1h', '--yes'], { script });
  void d.machine.clock.sleep(20_000).then(() => {
    expect(seen(d)).toEqual([503, 503]);
    const [run] = eachRun({ state: path.join(d.dir, '.whalefall-ops') });
    writeFileSync(path.join(run?.dir ?? '', 'off'), '');
  });
  const ended = await running;
  expect(ended.exitCode, ended.text).toBe(0);
  expect(d.machine.clock.monotonic()).toBeLessThan(600_000);
  expect(seen(d)).toEqual([200, 200]);
});

it('stays when how it stands can not be written down any more, and says so once', async () => {
  const d = await withRules();
  const visitors = watch(d);
  void d.machine.clock.sleep(12_000).then(() => {
    const [run] = eachRun(d);
    const file = path.join(run?.dir ?? '', 'page.json');
    rmSync(file);
    mkdirSync(path.join(file, 'in-the-way'), { recursive: true });
  });
  const ended = await d.run(['keep', '--for', '40s', '--yes'], { script });
  visitors.stop();
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text.match(/can’t be written down/g)).toHaveLength(1);
  expect(visitors.got.filter((v) => v === '503,503').length).toBeGreaterThan(11);
  expect(await held(d, ended)).toEqual([]);
});

it('stands in for an application that does not run, and asks for no IPv6 where the machine has none', async () => {
  const d = await withRules();
  const app = d.container('whalefall');
  if (app) d.machine.engine.stop(app);
  expect(seen(d)).toEqual([undefined, undefined]);
  const visitors = watch(d);
  const ended = await d.run(['keep', '--for', '10s', '--yes'], { script });
  visitors.stop();
  expect(ended.exitCode, ended.text).toBe(0);
  expect(visitors.got).toContain('503,503');
  expect(await held(d, ended)).toEqual([]);
});

it('ends by itself when its keeper was killed', async () => {
  const [learned, d] = [await withRules(), await withRules()];
  const { points } = await learned.run(['keep', '--for', '30s', '--yes'], { script });
  const point = points.findLast((p) => p.label.startsWith('iptables-restore'));
  if (!point) throw new Error('no rule was put there');
  const ended = await d.run(['keep', '--for', '30s', '--yes'], { script, fault: { ...point, how: 'killed' } });
  expect(await held(d, ended)).toEqual([]);
  expect(seen(d)).toEqual([200, 200]);
});

it('comes back by itself when the engine was away for a while, and the page with it', async () => {
  const d = await withRules();
  const { machine } = d;
  const started = machine.clock.monotonic();
  const since = () => machine.clock.monotonic() - started;
  const { override } = machine;
  let away = false;
  machine.override = (call, typed) =>
    away && call.argv[0] === 'docker'
      ? { exitCode: 1, stderr: 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' }
      : override(call, typed);
  void machine.clock.sleep(15_000).then(async () => {
    away = true;
    for (const c of machine.engine.containers.filter((c) => c.doorman)) machine.engine.remove(c);
    await machine.clock.sleep(6_000);
    away = false;
  });
  const visitors = watch(d, 1_000);
  const ended = await d.run(['keep', '--for', '40s', '--yes'], { script });
  visitors.stop();
  expect(ended.exitCode, ended.text).toBe(0);
  expect(since()).toBeGreaterThan(40_000);
  const all = visitors.got.join(' ');
  expect(all).toMatch(/503,503 (, )?(200,200 )+(503,503 )+/); // refused for a moment, until its death is noticed
  expect(ended.text.match(/The maintenance page is gone/g)).toHaveLength(1);
  expect(await held(d, ended)).toEqual([]);
});

it('minds no doorman that dies when it is to close for the last time', async () => {
  const d = await withRules();
  let closed = 0;
  const closing = vi.spyOn(Doorman.prototype, 'close').mockImplementation(function (this: Doorman) {
    this.shut = true;
    closed += 1;
    const standing = d.machine.engine.containers.find((c) => c.doorman === this);
    if (closed === 3 && standing) d.machine.engine.remove(standing); // the trial, the page, its end
  });
  onTestFinished(() => closing.mockRestore());
  const ended = await d.run(['keep', '--for', '10s', '--yes'], { script });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(closed).toBe(3);
  expect(ended.text).not.toContain('TypeError');
  expect(await held(d, ended)).toEqual([]);
});

it('is refused where nobody can be led to it, and says why', async () => {
  const d = await production();
  const ended = await d.run(['on', '--yes'], { script });
  expect(ended).toMatchObject({ exitCode: 3, changes: [], text: expect.stringContaining('iptables is missing') });
});

it('puts nothing up when it is only planned, or not agreed to', async () => {
  const d = await withRules();
  expect(await d.run(['on', '--plan'], { script })).toMatchObject({ exitCode: 0, changes: [] });
  expect(await d.run(['on'], { script })).toMatchObject({ exitCode: 4, changes: [] });
  expect(await d.run(['status'], { script })).toMatchObject({ exitCode: 0, text: expect.stringContaining('is off') });
  expect(await d.run(['off'], { script })).toMatchObject({ exitCode: 0, changes: [] });
});

/** A run of another process that keeps the page on, or is about to. @returns what ends that process */
function leaveKeeper(d: Deployment): { readonly dir: string; end(): void } {
  const dir = path.join(d.state, 'runs', '20260102T030000Z-maintenance');
  mkdirSync(dir, { recursive: true });
  const at = new Date(d.machine.clock.now()).toISOString();
  const start = { seq: 1, at, event: 'run-start', script: 'maintenance', version: '1', user: 'ann', options: {} };
  writeFileSync(path.join(dir, 'journal'), `${JSON.stringify({ ...start, args: ['keep'], pid: process.pid })}\n`);
  const lock = openSync(path.join(d.state, 'lock'), 'a');
  return { dir, end: () => closeSync(lock) };
}

it('says of an application that does not run that it does not when it is turned off', async () => {
  const d = await withRules();
  const app = d.container('whalefall');
  if (app) d.machine.engine.stop(app);
  const { dir, end } = leaveKeeper(d);
  const at = new Date(d.machine.clock.now()).toISOString();
  writeFileSync(path.join(dir, 'page.json'), JSON.stringify({ since: at, until: at, ports: [28080], turnedAway: 0 }));
  void d.machine.clock.sleep(1_000).then(end);
  const off = await d.run(['off'], { script });
  expect(off, off.text).toMatchObject({ exitCode: 1, text: expect.stringContaining('does not run (exited)') });
  expect(existsSync(path.join(dir, 'off'))).toBe(true);
});

it('is turned off while it is only about to be put up: off is said when whoever was at that has ended', async () => {
  const d = await withRules();
  const { dir, end } = leaveKeeper(d);
  let told: boolean | undefined; // by the time that it ended
  void d.machine.clock.sleep(5_000).then(() => {
    told = existsSync(path.join(dir, 'off'));
    end();
  });
  const off = await d.run(['off'], { script });
  expect(off, off.text).toMatchObject({ exitCode: 0, text: expect.stringContaining('The maintenance page is off.') });
  expect(told).toBe(true);
});

it.each([
  ['its rules are tried', /^iptables-restore/],
  ['it has not been surveyed', /^docker info/],
])('ends at once when it was turned off before it was up: when %s', async (_when, command) => {
  const d = await withRules();
  const { override } = d.machine;
  d.machine.override = (call, typed) => {
    const [run] = eachRun(d);
    if (run && command.test(typed)) writeFileSync(path.join(run.dir, 'off'), '');
    return override(call, typed);
  };
  const ended = await d.run(['keep', '--for', '1h', '--yes'], { script });
  expect(ended.exitCode, ended.text).toBe(0);
  expect(ended.text).toContain('The maintenance page is off');
  expect(d.machine.clock.monotonic()).toBeLessThan(600_000);
  expect(seen(d)).toEqual([200, 200]);
  expect(await held(d, ended)).toEqual([]);
});

it('has whoever was to keep it end when the page is given up', async () => {
  const d = await withRules();
  const told: string[] = [];
  const beside = () => ({
    ended: Promise.resolve({ exitCode: 1, text: 'no' }),
    leave: () => void told.push('left'),
    end: async () => void told.push('ended'),
  });
  expect(await d.run(['on', '--yes'], { script, beside })).toMatchObject({ exitCode: 1 });
  expect(told).toEqual(['ended']);
});
