import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { OpsError } from '../../../../lib/core/errors.ts';
import { readOutcome } from '../../../../lib/domain/alerts/outcomes.ts';
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
  options: { argv?: string[]; spoil?: (dir: string) => void; interactive?: boolean; script?: Partial<Action> } = {},
) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-tell-'));
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
          return new Response('OK');
        },
      } as never,
    },
  });
  return {
    ...ended,
    dir,
    cwd: ended.dir,
    sent,
    told: sent.filter((s) => s.body.startsWith('{')).map((s) => JSON.parse(s.body)),
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
