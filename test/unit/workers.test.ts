import { describe, expect, it } from 'vitest';
import { reloadWorkers, replaceWorkers, restartProgram, type Workers } from '../../lib/app/workers.ts';
import { testOps } from '../support/ops.ts';
import type { Call } from '../support/scripted-spawn.ts';
import { web } from '../support/update-facts.ts';

type Worker = Workers['workers'][number];
const MASTER = 100;

/** gunicorn as the container shows it: TTIN adds, TTOU takes the oldest, KILL has the master start another. */
class Gunicorn {
  readonly signals: string[] = [];
  time = 1000;
  master: number | null = MASTER;
  target: number;
  boots = true;
  /** What happens at a look, for accidents. */
  onWait: () => void = () => undefined;
  workers: Worker[];

  constructor(workers: readonly Worker[]) {
    this.workers = [...workers];
    this.target = workers.length;
  }

  start(): void {
    this.time += 1;
    this.workers.push({ pid: Math.round(this.time), start: this.time, booted: false });
  }

  answer({ argv, input }: Call) {
    if (argv.includes('tail')) return { stdout: 'the last words\n' };
    if (argv.at(-1) !== 'workers') throw new Error(`unexpected: ${argv.join(' ')}`);
    return { stdout: JSON.stringify(this.look(input)) };
  }

  signal(master: number, name: string, times: number): void {
    if (times > 0) this.signals.push(`${name} ${master} × ${times}`);
    if (name === 'TTIN') for (let n = times; n > 0; n -= 1) this.start();
    if (name === 'TTOU') this.workers.splice(0, times);
    if (name === 'HUP') {
      const before = this.workers.length;
      for (let n = before; n > 0; n -= 1) this.start();
      this.workers.splice(0, before);
    }
  }

  /** What `workers.py` does. */
  look(input: string): Workers {
    const args = JSON.parse(JSON.parse(/loads\((".*")\)/.exec(input)?.[1] ?? '""')) as {
      master: number;
      wanted: number;
      seconds?: number;
      bring?: { by: string; since?: number };
      signal?: [string, number];
      old?: number[];
    };
    const before = this.master;
    let old = args.old ?? [];
    if (args.bring) {
      const { by, since = Infinity } = args.bring;
      const earlier = this.workers.filter((w) => w.start < since);
      const hung = by === 'HUP' ? [] : earlier.filter((w) => !w.booted);
      old = earlier.filter((w) => !hung.includes(w)).map((w) => w.pid);
      if (hung.length > 0) this.signals.push(`KILL ${hung.map((w) => w.pid).join(' ')}`);
      this.workers = this.workers.filter((w) => !hung.includes(w));
      for (const _ of hung) this.start();
      this.signal(args.master, by, by === 'HUP' ? 1 : args.wanted - (this.workers.length - old.length));
    }
    if (args.signal) this.signal(args.master, ...args.signal);
    if (args.seconds) {
      this.onWait();
      if (this.boots) this.workers = this.workers.map((w) => ({ ...w, booted: true }));
    }
    const workers = this.master === null ? [] : this.workers;
    return { master: this.master, workers, uptime: this.time, before, old };
  }
}

const serving = (...starts: number[]): Worker[] => starts.map((start) => ({ pid: start, start, booted: true }));
const opsFor = (gunicorn: Gunicorn) => testOps((call) => gunicorn.answer(call));

describe('replacing workers', () => {
  it('adds as many as there are, and takes the old ones away when the new ones have booted', async () => {
    const gunicorn = new Gunicorn(serving(10, 11));
    await replaceWorkers(opsFor(gunicorn), 'app', web, 2, 500);
    expect(gunicorn.signals).toEqual([`TTIN ${web.pid} × 2`, `TTOU ${web.pid} × 2`]);
    expect(gunicorn.workers.every((w) => w.start > 500)).toBe(true);
  });

  it('takes no old worker away when the new ones do not boot, and says why', async () => {
    const gunicorn = new Gunicorn(serving(10, 11));
    gunicorn.boots = false;
    await expect(replaceWorkers(opsFor(gunicorn), 'app', web, 2, 500)).rejects.toMatchObject({
      kind: 'failed',
      what: { en: expect.stringMatching(/0 of 2 began to serve[\s\S]*the last words/) },
    });
    expect(gunicorn.signals.some((s) => s.startsWith('TTOU'))).toBe(false);
  });

  it('notices that the master ended, or was replaced by another', async () => {
    for (const master of [null, MASTER + 1]) {
      const gunicorn = new Gunicorn(serving(10, 11));
      gunicorn.onWait = () => {
        gunicorn.master = master;
      };
      await expect(replaceWorkers(opsFor(gunicorn), 'app', web, 2, 500)).rejects.toMatchObject({
        what: { en: expect.stringContaining('whalefall_web ended') },
      });
      expect(gunicorn.signals.some((s) => s.startsWith('TTOU'))).toBe(false);
    }
  });

  it('finishes a replacement that was cut short: hung new workers are killed, the old ones serve until others have booted', async () => {
    const hung = [20, 21].map((start) => ({ pid: start, start, booted: false }));
    const gunicorn = new Gunicorn([...serving(10, 11), ...hung]);
    await replaceWorkers(opsFor(gunicorn), 'app', web, 2, 500);
    expect(gunicorn.signals).toEqual(['KILL 20 21', `TTOU ${web.pid} × 2`]);
    expect(gunicorn.workers).toHaveLength(2);
    expect(gunicorn.workers.every((w) => w.start > 500)).toBe(true);
  });

  it('leaves workers alone that were started since', async () => {
    const gunicorn = new Gunicorn(serving(510, 511));
    await replaceWorkers(opsFor(gunicorn), 'app', web, 2, 500);
    expect(gunicorn.signals).toEqual([]);
  });
});

it('reloads with SIGHUP, and waits until every old worker is gone', async () => {
  const gunicorn = new Gunicorn(serving(10, 11));
  await reloadWorkers(opsFor(gunicorn), 'app', web, 2);
  expect(gunicorn.signals).toEqual([`HUP ${web.pid} × 1`]);
  expect(gunicorn.workers.every((w) => w.start > 500)).toBe(true);
});

it('says what supervisord says of a program that does not come up', async () => {
  const ops = testOps(({ argv }) => {
    if (argv.includes('supervisorctl')) return { exitCode: 1, stdout: 'whalefall_scheduler: ERROR (spawn error)\n' };
    const programs = [{ ...web, name: 'whalefall_scheduler', state: 'FATAL', pid: 0 }];
    return { stdout: JSON.stringify({ programs, said: '', uptime: 1, booted: 0 }) };
  });
  await expect(restartProgram(ops, 'app', 'whalefall_scheduler')).rejects.toMatchObject({
    what: { en: expect.stringContaining('FATAL') },
    next: [expect.objectContaining({ en: expect.stringContaining('supervisorctl tail whalefall_scheduler') })],
  });
});
