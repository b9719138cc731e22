import { describe, expect, it } from 'vitest';
import {
  reloadWorkers,
  replaceWorkers,
  restartProgram,
  succeedWorkers,
  type Workers,
  waitUntilRuns,
  waitUntilSettled,
} from '../../../../lib/domain/app/workers.ts';
import { secondsUntilStopped } from '../../../support/deadline.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import type { Call } from '../../../support/scripted-spawn.ts';
import { program, scheduler, web } from '../../../support/update-facts.ts';

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
    this.workers.push({ pid: Math.round(this.time), start: this.time, state: 'booting' });
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
      const staying = earlier.filter((w) => w.state !== 'leaving');
      const needed = !this.workers.some((w) => w.state === 'serving');
      const givesWay = (w: Worker) => by === 'TTIN' && w.state === 'booting' && !needed;
      const gone = [...staying.filter(givesWay), ...(by === 'TERM' ? staying : [])];
      if (gone.length > 0) this.signals.push(`${by === 'TERM' ? 'TERM' : 'KILL'} ${gone.map((w) => w.pid).join(' ')}`);
      old = (by === 'TTIN' ? staying.filter((w) => !givesWay(w)) : earlier).map((w) => w.pid);
      const leaving = by === 'TTIN' ? earlier.filter((w) => w.state === 'leaving') : [];
      const replaced = [...gone, ...leaving];
      this.workers = this.workers.filter((w) => !replaced.includes(w));
      for (const _ of replaced) this.start();
      if (by !== 'TERM')
        this.signal(args.master, by, by === 'HUP' ? 1 : args.wanted - (this.workers.length - old.length));
    }
    if (args.signal) this.signal(args.master, ...args.signal);
    if (args.seconds) {
      this.onWait();
      if (this.boots) this.workers = this.workers.map((w) => ({ ...w, state: 'serving' }));
    }
    const workers = this.master === null ? [] : this.workers;
    return { master: this.master, workers, uptime: this.time, before, old };
  }
}

const serving = (...starts: number[]): Worker[] => starts.map((start) => ({ pid: start, start, state: 'serving' }));
const opsFor = (gunicorn: Gunicorn) => testOps((call) => gunicorn.answer(call));

describe('replacing workers', () => {
  it('adds as many as there are, and takes the old ones away when the new ones have booted', async () => {
    const gunicorn = new Gunicorn(serving(10, 11));
    await replaceWorkers(opsFor(gunicorn), 'app', web, { wanted: 2, since: 500 });
    expect(gunicorn.signals).toEqual([`TTIN ${web.pid} × 2`, `TTOU ${web.pid} × 2`]);
    expect(gunicorn.workers.every((w) => w.start > 500)).toBe(true);
  });

  it('takes no old worker away when the new ones do not boot, and says why', async () => {
    const gunicorn = new Gunicorn(serving(10, 11));
    gunicorn.boots = false;
    await expect(replaceWorkers(opsFor(gunicorn), 'app', web, { wanted: 2, since: 500 })).rejects.toMatchObject({
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
      await expect(replaceWorkers(opsFor(gunicorn), 'app', web, { wanted: 2, since: 500 })).rejects.toMatchObject({
        what: { en: expect.stringContaining('whalefall_web ended') },
      });
      expect(gunicorn.signals.some((s) => s.startsWith('TTOU'))).toBe(false);
    }
  });

  it('finishes a replacement that was cut short: hung new workers are killed, the old ones serve until others have booted', async () => {
    const hung = [20, 21].map((start) => ({ pid: start, start, state: 'booting' as const }));
    const gunicorn = new Gunicorn([...serving(10, 11), ...hung]);
    await replaceWorkers(opsFor(gunicorn), 'app', web, { wanted: 2, since: 500 });
    expect(gunicorn.signals).toEqual(['KILL 20 21', `TTOU ${web.pid} × 2`]);
    expect(gunicorn.workers).toHaveLength(2);
    expect(gunicorn.workers.every((w) => w.start > 500)).toBe(true);
  });

  it('kills no worker that leaves after its last request: the master makes another by itself', async () => {
    const leaving = { pid: 10, start: 10, state: 'leaving' as const };
    const gunicorn = new Gunicorn([leaving, ...serving(11)]);
    await replaceWorkers(opsFor(gunicorn), 'app', web, { wanted: 2, since: 500 });
    expect(gunicorn.signals).toEqual([`TTIN ${web.pid} × 1`, `TTOU ${web.pid} × 1`]);
    expect(gunicorn.workers.every((w) => w.start > 500)).toBe(true);
  });

  it('waits for a worker that hangs as long as gunicorn lets it, and says of one that stays how it is', async () => {
    const gunicorn = new Gunicorn([{ pid: 10, start: 10, state: 'hung' }, ...serving(11)]);
    const ops = opsFor(gunicorn);
    const settings = { timeout: 200, graceful_timeout: 30 };
    await replaceWorkers(ops, 'app', { ...web, settings }, { wanted: 2, since: 500 });
    expect(gunicorn.signals).toEqual([`TTIN ${web.pid} × 2`, `TTOU ${web.pid} × 2`]);
    const given = ops.scripted.calls.map(({ input }) =>
      JSON.parse(JSON.parse(/loads\((".*")\)/.exec(input)?.[1] ?? '')),
    );
    expect(given.at(-1)).toMatchObject({ silent: 110, seconds: 215 });

    const stays = new Gunicorn([{ pid: 10, start: 10, state: 'hung' }, ...serving(11)]);
    const [hung] = stays.workers as [Worker];
    stays.onWait = () => {
      if (!stays.workers.some((w) => w.pid === 10)) stays.workers.unshift(hung);
    };
    stays.boots = false;
    for (const w of serving(510, 511)) stays.workers.push(w);
    await expect(replaceWorkers(opsFor(stays), 'app', web, { wanted: 2, since: 500 })).rejects.toMatchObject({
      what: { en: 'After 135 s 1 old workers of whalefall_web have not left: 0 have requests under way, 1 hang.' },
    });
  });

  it('kills nobody who boots while nobody serves', async () => {
    const gunicorn = new Gunicorn([10, 11].map((start) => ({ pid: start, start, state: 'booting' })));
    await replaceWorkers(opsFor(gunicorn), 'app', web, { wanted: 2, since: 500 });
    expect(gunicorn.signals).toEqual([`TTIN ${web.pid} × 2`, `TTOU ${web.pid} × 2`]);
  });

  it('does not begin while nobody serves', async () => {
    const gunicorn = new Gunicorn([10, 11].map((start) => ({ pid: start, start, state: 'booting' })));
    await waitUntilSettled(opsFor(gunicorn), 'app', web);
    const never = new Gunicorn([
      { pid: 10, start: 10, state: 'booting' },
      { pid: 11, start: 11, state: 'hung' },
    ]);
    never.boots = false;
    await expect(waitUntilSettled(opsFor(never), 'app', web)).rejects.toMatchObject({
      kind: 'failed',
      what: { en: 'No worker of whalefall_web serves: 1 boot, 1 hang, 0 are leaving.' },
    });
  });

  it('leaves workers alone that were started since', async () => {
    const gunicorn = new Gunicorn(serving(510, 511));
    await replaceWorkers(opsFor(gunicorn), 'app', web, { wanted: 2, since: 500 });
    expect(gunicorn.signals).toEqual([]);
  });
});

it.each([
  ['23.0.0', true],
  ['20.1.0', false],
])('has workers of gunicorn %s emptied before any is told to end: %s', async (version, emptied) => {
  const gunicorn = new Gunicorn(serving(10, 11));
  const ops = opsFor(gunicorn);
  const threaded = { ...web, gunicorn: version };
  await replaceWorkers(ops, 'app', threaded, { wanted: 2, since: 500 });
  await reloadWorkers(ops, 'app', threaded, 2);
  await succeedWorkers(ops, 'app', threaded, 5000);
  const given = ops.scripted.calls.map(({ input }) => JSON.parse(JSON.parse(/loads\((".*")\)/.exec(input)?.[1] ?? '')));
  const telling = given.filter((args) => args.bring ?? args.signal);
  expect(telling).toHaveLength(4);
  expect(telling.map((args) => args.drops)).toEqual(telling.map(() => emptied));
  // Told late, it is waited for in a call of its own: nobody gives up the one that tells.
  const late = telling.filter((args) => args.signal || emptied);
  expect(late.map((args) => args.seconds)).toEqual(late.map(() => 0));
});

it.each([
  ['after all of it', 31_000, [expect.stringMatching(/^Workers 10 were told to end .*\(30 s\)/)]],
  ['sooner: what the log has is older', 5_000, []],
])('says whose work gunicorn cut when the time to end was over: %s', async (_when, ms, warnings) => {
  const gunicorn = new Gunicorn(serving(10, 11));
  const log = [10, 99].map((pid) => `[${pid}] [WARNING] Worker graceful timeout (pid:${pid})\n`).join('');
  const told = testOps((call) => (call.argv.includes('tail') ? { stdout: log } : gunicorn.answer(call)));
  gunicorn.onWait = () => void told.clock.sleep(ms, told.signal);
  await replaceWorkers(told, 'app', web, { wanted: 2, since: 500 });
  expect(told.shown.flatMap((e) => (e.event === 'warning' ? [e.text.en] : []))).toEqual(warnings);
});

describe('a program of which there is only one worker', () => {
  it('has it end, and waits for the one that the master makes', async () => {
    const gunicorn = new Gunicorn(serving(10));
    await succeedWorkers(opsFor(gunicorn), 'app', scheduler, 500);
    expect(gunicorn.signals).toEqual(['TERM 10']);
    expect(gunicorn.workers.map((w) => w.start > 500)).toEqual([true]);
  });

  it('is left alone when its worker was started since', async () => {
    const gunicorn = new Gunicorn(serving(510));
    await succeedWorkers(opsFor(gunicorn), 'app', scheduler, 500);
    expect(gunicorn.signals).toEqual([]);
  });

  it('says so when the next one does not begin to serve', async () => {
    const gunicorn = new Gunicorn(serving(10));
    gunicorn.boots = false;
    await expect(succeedWorkers(opsFor(gunicorn), 'app', scheduler, 500)).rejects.toMatchObject({
      // The web program's log would tell of other workers.
      what: { en: expect.not.stringContaining('the last words') },
      next: [{ en: expect.stringContaining('tail-logs') }],
    });
    const ended = new Gunicorn(serving(10));
    ended.onWait = () => {
      ended.master = null;
    };
    await expect(succeedWorkers(opsFor(ended), 'app', scheduler, 500)).rejects.toMatchObject({
      what: { en: 'The program whalefall_scheduler ended while its workers were being replaced.' },
      next: [{ en: expect.stringContaining('tail-logs') }],
    });
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
  await expect(restartProgram(ops, 'app', { name: 'whalefall_scheduler', ports: [] })).rejects.toMatchObject({
    what: { en: expect.stringContaining('FATAL') },
    next: [expect.objectContaining({ en: expect.stringContaining('scripts/adhoc/tail-logs.ts') })],
  });
});

it.each([
  [{}, 91],
  [{ stopSeconds: 600, startSeconds: 30 }, 710],
])(
  'waits for supervisord to restart a program as long as its configuration lets that take: %j',
  async (told, seconds) => {
    const restart = (ops: TestOps) => restartProgram(ops, 'app', { name: 'jobs', ports: [], ...told });
    expect(await secondsUntilStopped(restart)).toBe(seconds);
  },
);

it('takes a program that listened for back when it listens again, on whichever port, and not when supervisord has started it', async () => {
  let looks = 0;
  const ops = testOps(() => {
    looks += 1;
    const ports = looks < 4 ? [] : [5999];
    const programs = [program('jobs', { argv: ['/app/.venv/bin/python', 'jobs.py'], ports })];
    return { stdout: JSON.stringify({ programs, said: '', uptime: 1, booted: 0 }) };
  });
  await waitUntilRuns(ops, 'app', { name: 'jobs', ports: [5003] });
  expect(looks).toBe(4);
  await waitUntilRuns(ops, 'app', { name: 'jobs', ports: [] });
  expect(looks).toBe(5);
});
