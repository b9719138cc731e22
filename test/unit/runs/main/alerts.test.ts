import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { OpsError } from '../../../../lib/core/errors.ts';
import { readOutcome, recordOutcome } from '../../../../lib/domain/alerts/outcomes.ts';
import type { Action, Script } from '../../../../lib/runs/command-line/script.ts';
import { runAdhoc } from '../../../support/adhoc-world.ts';

const text = (en: string) => ({ en, zh: en });

interface Sent {
  readonly url: string;
  readonly body: string;
}

/** A script with one thing to do, run by `main` in a directory of its own; what it sends is kept. */
async function runWith(
  run: Action['run'],
  options: {
    argv?: string[];
    spoil?: (dir: string) => void;
    interactive?: boolean;
    script?: Partial<Action>;
    /** Of a run before it. */
    dir?: string;
    answer?: () => Promise<Response>;
  } = {},
) {
  const dir = options.dir ?? mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-tell-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const config = path.join(dir, 'target.json');
  const address = { env: 'HOOK' };
  const notify = {
    channels: [{ kind: 'webhook', name: 'hook', url: address }],
    watch: { drill: { ping: address, hours: 9 } },
  };
  writeFileSync(config, JSON.stringify({ notify }));
  options.spoil?.(dir);
  const sent: Sent[] = [];
  const script: Script = { name: 'stub', about: text('a stub'), flags: {}, run, ...options.script };
  const ended = await runAdhoc(script, {
    argv: ['--dir', dir, '--config', config, ...(options.argv ?? [])],
    world: {
      env: { PATH: '/bin', LANG: 'C', HOOK: 'http://hook.example/' },
      interactive: options.interactive ?? false,
      net: {
        fetch: async (url: string, { body = '' }: { body?: string }) => {
          sent.push({ url, body });
          return (options.answer ?? (async () => new Response('OK')))();
        },
      } as never,
    },
  });
  return {
    ...ended,
    dir,
    cwd: ended.dir,
    sent,
    /** So far. */
    get told() {
      return sent.filter((s) => s.body.startsWith('{')).map((s) => JSON.parse(s.body));
    },
  };
}

const fails: Action['run'] = async () => {
  throw new OpsError({
    kind: 'needs-person',
    what: text('half-way'),
    state: text('down'),
    next: [text('npx tsx scripts/runs.ts undo')],
  });
};

it('tells of a failure what happened, in what state things are, and what to type from anywhere', async () => {
  const { exitCode, told, dir } = await runWith(fails);
  expect(exitCode).toBe(6);
  expect(told).toMatchObject([
    { kind: 'failed', subject: 'stub', exitCode: 6, host: 'host', what: 'half-way', state: 'down' },
  ]);
  const [undo, show] = told[0].next;
  expect(undo).toMatch(
    new RegExp(
      `^WHALEFALL_DIR=${dir} WHALEFALL_CONFIG=${dir}/target.json npx --prefix /.* tsx /.*/scripts/runs.ts undo$`,
    ),
  );
  expect(show).toMatch(/scripts\/runs\.ts show \d{8}T\d{6}Z-stub$/);
});

it('tells of a run that could not begin', async () => {
  const { exitCode, told, stdout } = await runWith(fails, {
    spoil: (dir) => writeFileSync(path.join(dir, '.whalefall-ops'), 'a file'),
  });
  expect([exitCode, told.map((t) => [t.kind, t.run])], stdout).toEqual([3, [['failed', null]]]);
});

it('takes what a run found for no failure of it: who sits there has read it; without anybody there it is told', async () => {
  const finds: Action['run'] = async () => ({ ...text('2 broken'), exitCode: 1 });
  const [read, unread] = [await runWith(finds, { interactive: true }), await runWith(finds)];
  expect([read, unread].map(({ exitCode, told }) => [exitCode, told.map((t) => t.what)])).toEqual([
    [1, []],
    [1, ['2 broken']],
  ]);
  const state = path.join(read.dir, '.whalefall-ops');
  expect(readOutcome({ state }, 'stub')).toMatchObject({ last: { exitCode: 1 }, failures: 0 });
  const [run = ''] = readdirSync(path.join(state, 'runs'));
  const page = readFileSync(path.join(state, 'runs', run, 'report.html'), 'utf8');
  expect(page).toContain('found something (1)');
  expect(page).toContain('发现问题 (1)');
  const failed = await runWith(fails, { interactive: true });
  expect(failed.told).toMatchObject([{ kind: 'failed' }]);
});

it('tells nobody of what is only planned or looked at, and pings for neither', async () => {
  const planned = await runWith(fails, { argv: ['--plan'], script: { watched: 'drill' } });
  const looked = await runWith(fails, { script: { onlyLooks: true } });
  expect([planned.sent, looked.sent]).toEqual([[], []]);
});

it('pings a watched one at its beginning and its end, in this order', async () => {
  const good = await runWith(async () => text('done'), { script: { watched: 'drill' } });
  expect(good.sent.map((s) => [s.url, s.body])).toEqual([
    ['http://hook.example/start', ''],
    ['http://hook.example/', 'done'],
  ]);
  const bad = await runWith(fails, { script: { watched: 'drill' } });
  expect(bad.sent.map((s) => s.url).filter((url) => url.endsWith('/fail'))).toHaveLength(1);
});

it('says the result last, after who could not be told', async () => {
  const { stdout } = await runWith(async () => text('done'), { argv: ['--json'], script: { watched: 'drill' } });
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  expect(events.at(-1)).toBe('result');
});

it('writes down how it ended, with what it made, and the figures of all scripts', async () => {
  const { dir, cwd, exitCode } = await runWith(async () => ({ ...text('done'), bytes: 4096 }), {
    argv: ['--metrics', 'figures.prom'],
    script: { watched: 'drill' },
  });
  expect(exitCode).toBe(0);
  expect(readOutcome({ state: path.join(dir, '.whalefall-ops') }, 'stub')).toMatchObject({
    watched: 'drill',
    failures: 0,
    success: { bytes: 4096, exitCode: 0 },
  });
  expect(readFileSync(path.join(cwd, 'figures.prom'), 'utf8')).toContain(
    `{script="stub",command="",directory="${dir}"} 4096`,
  );
});

it('has one series of figures, whichever way the directory is spelled', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-tell-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const link = `${dir}-link`;
  symlinkSync(dir, link);
  const { cwd } = await runWith(async () => text('done'), { dir: link, argv: ['--metrics', 'figures.prom'] });
  const labels = readFileSync(path.join(cwd, 'figures.prom'), 'utf8').match(/directory="[^"]*"/g);
  expect(new Set(labels)).toEqual(new Set([`directory="${realpathSync(dir)}"`]));
});

it('keeps its exit code and tells all the same when nothing can be written down', async () => {
  const { exitCode, told, stdout } = await runWith(fails, {
    spoil: (dir) => {
      mkdirSync(path.join(dir, '.whalefall-ops'));
      writeFileSync(path.join(dir, '.whalefall-ops', 'outcomes'), 'a file');
    },
  });
  expect([exitCode, told.length]).toEqual([6, 1]);
  expect(stdout).toContain('! How it ended could not be written down');
});

it('does not journal what is told, nor the address', async () => {
  const { dir, told } = await runWith(fails);
  const journal = readFileSync(path.join(dir, '.whalefall-ops', 'runs', told[0].run, 'journal'), 'utf8');
  expect(journal).not.toContain('hook.example');
});

describe('of a run that was killed', () => {
  const KILLED = '20260102T030000Z-backup-prod';

  /** As a SIGKILL or a reboot left it. */
  const leaveKilled = (dir: string, name = KILLED): void => {
    const run = path.join(dir, '.whalefall-ops', 'runs', name);
    mkdirSync(run, { recursive: true });
    const [began, last] = ['2026-01-02T03:00:00.000Z', '2026-01-02T03:00:07.000Z'];
    const events = [
      {
        event: 'run-start',
        script: 'backup-prod',
        version: '1',
        pid: 4_000_000,
        user: 'ann',
        options: { command: 'create' },
        args: ['create'],
      },
      { event: 'plan', steps: ['dump'] },
      { event: 'step-start', step: 'dump' },
      { event: 'intent', command: 'docker exec p pg_dump' },
    ];
    const line = (event: object, i: number) => `${JSON.stringify({ seq: i + 1, at: i ? last : began, ...event })}\n`;
    writeFileSync(path.join(run, 'journal'), events.map(line).join(''));
  };
  const works: Action['run'] = async () => text('done');

  it('the next one that starts tells where it was killed, what is there, and how to go on; once', async () => {
    const first = await runWith(works, { spoil: leaveKilled });
    await vi.waitFor(() => expect(first.told).toHaveLength(1));
    const [told] = first.told;
    expect(told).toMatchObject({
      kind: 'failed',
      subject: 'backup-prod create',
      run: KILLED,
      at: '2026-01-02T03:00:07.000Z',
      exitCode: 137,
      milliseconds: 7000,
      what: expect.stringMatching(
        /^Run \S+-backup-prod \(ann\) did not end: its process is gone, at step dump\.\n.*pg_dump$/,
      ),
      state: expect.stringMatching(/^Now: services: not known: There is no compose file /),
    });
    expect(told.next.map((n: string) => n.replace(/ WHALEFALL_.*scripts\//, ' '))).toEqual([
      'to finish it: backup-prod.ts create',
      `to leave it as it is: runs.ts leave ${KILLED}`,
      expect.stringContaining(`runs.ts show ${KILLED}`),
    ]);
    const second = await runWith(works, { dir: first.dir });
    expect([first.exitCode, second.exitCode, second.told]).toEqual([0, 0, []]);
  });

  it('each is told of, whichever is shown', async () => {
    const other = KILLED.replace('T03', 'T02');
    const ran = await runWith(works, {
      spoil: (dir) => {
        leaveKilled(dir);
        leaveKilled(dir, other);
      },
    });
    await vi.waitFor(() => expect(ran.told.map((t) => t.run).sort()).toEqual([other, KILLED]));
  });

  it('counts as a failure, from which the next success recovers, unless something of its kind has ended since', async () => {
    const subject = 'backup-prod create';
    const { dir } = await runWith(works, { spoil: leaveKilled });
    const paths = { state: path.join(dir, '.whalefall-ops') };
    const last = { exitCode: 137, run: KILLED, took: 7000 };
    expect(readOutcome(paths, subject)).toMatchObject({ last, success: null, failures: 1 });
    const since = { at: '2026-01-02T03:30:00.000Z', exitCode: 0, run: null, took: 1, requests: null, bytes: null };
    const later = { version: 1, subject, watched: 'backup', last: since, success: since, failures: 0 } as const;
    const { dir: good } = await runWith(works, {
      spoil: (to) => {
        leaveKilled(to);
        recordOutcome({ state: path.join(to, '.whalefall-ops') }, later);
      },
    });
    expect(readOutcome({ state: path.join(good, '.whalefall-ops') }, subject)).toEqual(later);
  });

  it('is told again when nobody could be reached, and a channel that hangs holds up no run', async () => {
    const first = await runWith(works, { spoil: leaveKilled, answer: async () => new Response('', { status: 500 }) });
    await vi.waitFor(() => expect(first.told.length).toBeGreaterThan(0));
    const note = path.join(first.dir, '.whalefall-ops', 'runs', KILLED, 'told');
    await vi.waitFor(() => expect(existsSync(note)).toBe(false));
    const hangs = await runWith(works, { dir: first.dir, answer: () => new Promise(() => undefined) });
    expect(hangs.exitCode).toBe(0);
    await vi.waitFor(() => expect(hangs.told).toMatchObject([{ run: KILLED }]));
    expect(existsSync(note)).toBe(true);
  });

  it('is not told by what only looks or plans, which leaves nothing', async () => {
    const planned = await runWith(works, { spoil: leaveKilled, argv: ['--plan'] });
    const looked = await runWith(works, { spoil: leaveKilled, script: { onlyLooks: true } });
    expect([planned.sent, looked.sent]).toEqual([[], []]);
  });

  it('is told when nothing else can be written down', async () => {
    const ran = await runWith(works, {
      spoil: (dir) => {
        leaveKilled(dir);
        writeFileSync(path.join(dir, '.whalefall-ops', 'outcomes'), 'a file');
      },
    });
    expect(ran.exitCode).toBe(0);
    await vi.waitFor(() => expect(ran.told).toHaveLength(1));
  });
});
