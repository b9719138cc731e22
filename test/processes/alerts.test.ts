import { spawn } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { type Answer, type Got, webServer } from '../support/loopback.ts';
import { runScript } from '../support/run-script.ts';
import { deployDir, inTerminal, launch, until } from './launch.ts';

// Real processes tell a server of ours, and a program of ours, how they ended. No word leaves this machine.
const TOKEN = 'sentinel-token-0123456789';

interface World {
  readonly dir: string;
  readonly got: Got[];
  /** Options that name the configuration. */
  readonly options: readonly string[];
  readonly metrics: string;
  /** What the program was given. */
  readonly paged: () => string;
}

async function world(
  answer: (got: Got) => Answer | 'silence' = () => ({ body: 'OK' }),
  more: object = {},
): Promise<World> {
  const dir = deployDir();
  const { origin, got } = await webServer(answer);
  const file = (name: string) => path.join(dir, name);
  writeFileSync(file('hook'), `${origin}/hook/${TOKEN}`, { mode: 0o600 });
  writeFileSync(file('page'), `#!/bin/sh\ncat >> '${file('paged')}'\n`);
  chmodSync(file('page'), 0o755);
  const config = file('target.json');
  const metrics = file('whalefall.prom');
  const notify = {
    channels: [
      { kind: 'webhook', name: 'hook', url: { file: file('hook') } },
      { kind: 'program', name: 'pager', path: file('page') },
    ],
    watch: { backup: { ping: { file: file('hook') }, hours: 26 } },
    metrics,
    ...more,
  };
  writeFileSync(config, JSON.stringify({ notify }));
  const paged = () => (readdirSync(dir).includes('paged') ? readFileSync(file('paged'), 'utf8') : '');
  return { dir, got, options: ['--config', config], metrics, paged };
}

/** Everything below the state directory, as one text. */
const kept = (dir: string): string =>
  readdirSync(path.join(dir, '.whalefall-ops'), { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => readFileSync(path.join(e.parentPath, e.name), 'utf8'))
    .join('\n');

const kinds = (got: readonly Got[]) =>
  got.filter(({ body }) => body.startsWith('{')).map(({ body }) => JSON.parse(body).kind);

it('a nightly backup that fails is told, with what to type; its dead-man’s switch hears of it', async () => {
  const { dir, got, options, metrics, paged } = await world();
  // Nothing is deployed there, as after somebody moved the directory: it fails each night, and nobody looks.
  const { exitCode, text } = await runScript('backup-prod', ['create', '--dir', dir, ...options]);
  expect(exitCode, text).toBeGreaterThan(0);
  expect(got.map(({ url }) => url).sort()).toEqual([`/hook/${TOKEN}`, `/hook/${TOKEN}/fail`, `/hook/${TOKEN}/start`]);
  const told = JSON.parse(got.find(({ body }) => body.startsWith('{'))?.body ?? '');
  expect(told).toMatchObject({ kind: 'failed', subject: 'backup-prod create', directory: dir, exitCode });
  expect(text, 'as the operator was told').toContain(told.what.split('\n')[0]);
  expect(told.next.at(-1), 'can be typed anywhere').toMatch(
    new RegExp(`^WHALEFALL_DIR=${dir} .*/scripts/runs.ts show 2`),
  );
  expect(JSON.parse(paged())).toMatchObject({ kind: 'failed', exitCode });
  expect(readFileSync(metrics, 'utf8')).toContain(
    `whalefall_ops_last_exit_code{script="backup-prod",command="create",directory="${dir}"} ${exitCode}`,
  );
  expect(text).toContain('Alerted: hook, pager');
  expect(`${text}${kept(dir)}`).not.toContain(TOKEN);
});

it('failure and recovery are told once each, success is not', async () => {
  const { dir, got, options } = await world();
  const run = async (...more: string[]) => (await launch('stub', dir, [...options, ...more]).ended).exitCode;
  expect([await run(), await run('--ask'), await run(), await run()]).toEqual([0, 4, 0, 0]);
  expect(kinds(got)).toEqual(['failed', 'recovered']);
});

it('who refuses at a terminal is told nothing that was not seen', async () => {
  const { dir, got, options } = await world();
  const session = inTerminal('stub', dir, [...options, '--ask']);
  await session.shows(/phrase\?/);
  session.type('\u0003');
  expect((await session.ended).exitCode).not.toBe(0);
  expect(got).toEqual([]);
});

it('that another run holds the directory is told as well', async () => {
  const { dir, got, options } = await world();
  const holder = launch('stub', dir, ['--hold']);
  await until(() => readdirSync(dir).includes('work.on'), 'it holds the directory');
  expect((await launch('stub', dir, options).ended).exitCode).toBe(5);
  expect(JSON.parse(got[0]?.body ?? '')).toMatchObject({ kind: 'failed', exitCode: 5, run: null });
  writeFileSync(path.join(dir, 'work.go'), '');
  await holder.ended;
});

it.each<readonly [string, () => Answer | 'silence']>([
  ['refuses with HTTP 200', () => ({ body: '{"ok":false}' })],
  ['never answers', () => 'silence'],
])('a channel that %s changes no exit code, is in the summary, and in the next notify list', async (_how, answer) => {
  const { dir, options } = await world(answer, { watch: {} });
  const failed = await launch('stub', dir, [...options, '--ask']).ended;
  expect(failed.exitCode).toBe(4);
  expect(failed.text).toMatch(/! hook could not be told: /);
  expect(failed.text).toContain('Alerted: pager');
  const list = await runScript('notify', ['list', '--dir', dir, ...options]);
  expect(list.text).toMatch(/hook +webhook +failures, recoveries +(refused|no answer in time)/);
  expect(`${failed.text}${list.text}${kept(dir)}`).not.toContain(TOKEN);
});

it('notify test tells each channel, asks no dead-man’s switch, and fails when one is not reached', async () => {
  const { dir, got, options } = await world();
  const good = await runScript('notify', ['test', '--dir', dir, ...options]);
  expect([good.exitCode, kinds(got)], good.text).toEqual([0, ['test']]);
  expect(got).toHaveLength(1);
  expect(good.text).toContain('✓ pager accepted it');
  chmodSync(path.join(dir, 'hook'), 0o644);
  const bad = await runScript('notify', ['test', '--dir', dir, ...options]);
  expect(bad.exitCode).toBe(1);
  expect(bad.text).toContain(`✗ hook: others may read ${dir}/hook: chmod 600 ${dir}/hook`);
  const nobody = await runScript('notify', ['test', '--dir', dir]);
  expect([nobody.exitCode, nobody.text]).toEqual([2, expect.stringContaining('No alerts are set up')]);
});

it('addresses are in no environment and no argument of a child', async () => {
  const { dir, options } = await world();
  const config = JSON.parse(readFileSync(String(options[1]), 'utf8'));
  writeFileSync(
    path.join(dir, 'page'),
    `#!/bin/sh\n{ cat /proc/self/environ /proc/$$/cmdline; } > '${path.join(dir, 'seen')}'\n`,
  );
  config.notify.channels[0].url = { env: 'HOOK' };
  writeFileSync(String(options[1]), JSON.stringify(config));
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', path.join(import.meta.dirname, 'stub.ts'), '--dir', dir, ...options, '--ask'],
    {
      env: { ...process.env, HOOK: `http://127.0.0.1:1/${TOKEN}` },
      stdio: 'ignore',
    },
  );
  await new Promise((resolve) => child.on('close', resolve));
  const seen = readFileSync(path.join(dir, 'seen'), 'utf8');
  expect(seen).toContain('PATH=');
  expect(seen).not.toContain(TOKEN);
  expect(kept(dir)).not.toContain(TOKEN);
});
