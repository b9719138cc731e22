import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Ops } from '../../lib/core/ops.ts';
import { poll } from '../../lib/core/poll.ts';
import { targetFor } from '../../lib/core/target.ts';
import { listPrograms, type Program } from '../../lib/domain/app/programs.ts';
import { lookAtWorkers, reloadWorkers, replaceWorkers, succeedWorkers } from '../../lib/domain/app/workers.ts';
import { ensureBaseImages } from '../sandbox/images.ts';
import { realOps } from '../support/real-ops.ts';

// A gunicorn whose workers take connections before they read them, as those of 21 to 23 with threads do; it leaves them unread when it ends.
const NAME = `wfops-leaving${process.env.SANDBOX_LANE ?? ''}`;
const FILES = path.join(import.meta.dirname, 'leaving');
const dir = mkdtempSync(path.join(os.tmpdir(), `${NAME}-`));
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();

const PROGRAMS = { two: { port: 5001, workers: 2 }, one: { port: 5002, workers: 1 } } as const;
/** What is left to chance shows itself in many only. */
const ROUNDS = process.env.E2E === 'full' ? 10 : 1;
type Name = keyof typeof PROGRAMS;

let ops: Ops;
let id: string;

beforeAll(async () => {
  const { appBase } = await ensureBaseImages();
  const conf = path.join(dir, 'conf.d');
  mkdirSync(conf);
  for (const [name, { port, workers }] of Object.entries(PROGRAMS)) {
    const words = `-k wsgi.ReadsLater --threads 4 -w ${workers} -b 127.0.0.1:${port} wsgi:application`;
    writeFileSync(
      path.join(conf, `${name}.conf`),
      `[program:${name}]\ncommand=python3 -m gunicorn ${words}\ndirectory=/files\n`,
    );
  }
  id = docker(
    ...['run', '-d', '--name', NAME, '--network', 'none'],
    ...['-v', `${conf}:/etc/supervisor/conf.d:ro`, '-v', `${FILES}:/files:ro`],
    ...['--entrypoint', 'supervisord', appBase, '-n', '-c', '/etc/supervisor/supervisord.conf'],
  );
  const plain = targetFor(dir);
  ops = { ...realOps(dir), target: { ...plain, app: { ...plain.app, python: '/usr/bin/python3' } } };
});

afterAll(() => {
  docker('rm', '-f', NAME);
  rmSync(dir, { recursive: true, force: true });
});

/** The program when all of its workers serve, as if its gunicorn were of another version. */
async function running(name: Name, version: string): Promise<Program> {
  const found = await poll(ops, { everyMs: 100, forMs: 30_000 }, async () => {
    const program = (await listPrograms(ops, id)).find((p) => p.name === name);
    if (program?.state !== 'RUNNING') return undefined;
    const { workers } = await lookAtWorkers(ops, id, program.pid, { settled: true, seconds: 10 });
    return workers.length === PROGRAMS[name].workers ? program : undefined;
  });
  if (found === undefined) throw new Error(`${name} does not run`);
  return { ...found, gunicorn: version };
}

/** Requests that were sent while something was done, and how many of them were not answered. */
async function under(name: Name, deed: () => Promise<unknown>): Promise<{ sent: number; lost: number }> {
  const port = String(PROGRAMS[name].port);
  const clients = spawn('docker', ['exec', '-i', id, 'python3', '/files/clients.py', port]);
  try {
    await once(clients.stdout, 'data');
    await deed();
    const said = text(clients.stdout);
    clients.stdin.end('\n');
    const [sent = 0, lost = Number.NaN] = (await said).split(' ').map(Number);
    return { sent, lost };
  } finally {
    clients.stdin.end();
  }
}

const since = async () => (await lookAtWorkers(ops, id, (await running('two', '')).pid)).uptime;

it('workers that close what they have taken are told to end when they hold nothing', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const web = await running('two', '23.0.0');
    const seen = await under('two', async () => replaceWorkers(ops, id, web, { wanted: 2, since: await since() }));
    expect(seen.sent).toBeGreaterThan(20);
    expect(seen.lost).toBe(0);
    const reloaded = await under('two', () => reloadWorkers(ops, id, web, 2));
    expect(reloaded.lost).toBe(0);
    const only = await running('one', '23.0.0');
    const alone = await under('one', async () => succeedWorkers(ops, id, only, await since()));
    expect(alone.lost).toBe(0);
  }
});

it('they lose connections where nobody takes care of that', async () => {
  let lost = 0;
  for (let round = 0; round < 12 && lost === 0; round += 1) {
    const web = await running('two', '20.1.0');
    const seen = await under('two', async () => replaceWorkers(ops, id, web, { wanted: 2, since: await since() }));
    lost = seen.lost;
  }
  expect(lost).toBeGreaterThan(0);
});
