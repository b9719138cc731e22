import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { sourceOf } from '../../../../lib/domain/app/agent.ts';
import { findPrograms } from '../../../../lib/domain/app/programs.ts';
import { drainPrograms, drainTexts } from '../../../../lib/domain/hold/drain.ts';
import { secondsUntilStopped } from '../../../support/deadline.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import type { Call } from '../../../support/scripted-spawn.ts';
import { program } from '../../../support/update-facts.ts';

/** What the script says of programs, by a log of supervisord that is this now. Nothing of this machine is drained. */
function killedBy(log: string, programs: readonly { name: string; pid: number }[], before = ''): string[] {
  const asked = 'print(json.dumps(killed(*ARGS)))';
  const input = sourceOf('drain', [programs, before, log]).replace(/main\(\)\s*$/, asked);
  return JSON.parse(execFileSync('python3', ['-'], { input, encoding: 'utf8' }));
}

/** With words it is told something once, without it takes orders by line, each after a prompt. */
const supervisorctl = (log: string) => `#!/bin/sh
if [ $# -gt 0 ]; then echo "$@" >> ${log}; exit; fi
while read -r verb names; do
  echo "$verb $names" >> ${log}
  for name in $names; do echo "supervisor> $name: $ANSWER"; done
done
`;

/**
 * The whole of it, beside a supervisorctl that notes what it is told. Nothing of this machine is drained here either.
 *
 * @param desert when it is let go, by the last line that it said. @param word whether it was told to drain before. @param answer
 * what supervisorctl says of each program.
 */
async function drained(
  desert: (said: string) => boolean,
  { word = true, answer = 'stopped' } = {},
): Promise<readonly string[]> {
  const bin = mkdtempSync(path.join(tmpdir(), 'whalefall-ops-drain-'));
  onTestFinished(() => rmSync(bin, { recursive: true }));
  const log = path.join(bin, 'log');
  writeFileSync(path.join(bin, 'supervisorctl'), supervisorctl(log), { mode: 0o755 });
  const args = {
    ports: [],
    seconds: 30,
    stop: [{ name: 'jobs:scheduler', pid: 17 }],
    nginx: ['nginx'],
    restarted: false,
    stopSeconds: 5,
  };
  const script = sourceOf('drain', args).replace('b"nginx: master"', 'b"nobody"');
  const env = { ...process.env, ANSWER: answer, PATH: `${bin}:${process.env.PATH}` };
  const child = execFile('python3', ['-c', 'import json, sys; exec(json.loads(sys.stdin.readline()))'], { env });
  child.stdin?.write(`${JSON.stringify(script)}\n`);
  const lines = createInterface({ input: child.stdout as Readable });
  lines.on('line', (said) => {
    if (said === '{"ready": true}' && word) child.stdin?.write('drain\n');
    if (desert(said)) child.stdin?.end();
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  const told = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
  return told.filter((line) => !line.startsWith('maintail'));
}

it('starts again what it has ended, when nobody has stopped the container', async () => {
  const told = await drained((said) => said.includes('"ended": true'));
  expect(told).toEqual(['stop jobs:scheduler', 'restart nginx', 'start jobs:scheduler']);
});

it('does not call ended what supervisord could not stop', async () => {
  const said: string[] = [];
  const last = (line: string) => said.push(line) > 1;
  await drained(last, { answer: 'ERROR (no such process)' });
  expect(JSON.parse(said[1] ?? '')).toMatchObject({ drained: true, ended: false });
});

it('drains no further when whoever wanted it is gone before', async () => {
  expect(await drained((said) => said.includes('ready'))).toEqual(['restart nginx', 'start jobs:scheduler']);
});

it('touches nothing when it is let go before it was told to drain', async () => {
  expect(await drained((said) => said.includes('ready'), { word: false })).toEqual([]);
});

// As supervisor 4.2.5 and 4.3.0 write it.
const LOG = `2026-01-02 03:04:05,100 WARN killing 'scheduler' (17) with SIGKILL
2026-01-02 03:04:05,101 INFO waiting for scheduler to die
2026-01-02 03:04:05,102 WARN stopped: scheduler (terminated by SIGKILL)
2026-01-02 03:04:06,100 INFO stopped: queue (exit status 0)
`;

it('knows a program that supervisord killed from one that ended, and from an earlier one of its name', () => {
  const queue = { name: 'queue', pid: 18 };
  expect(killedBy(LOG, [{ name: 'jobs:scheduler', pid: 17 }, queue])).toEqual(['jobs:scheduler']);
  expect(killedBy(LOG, [{ name: 'jobs:scheduler', pid: 170 }, queue])).toEqual([]);
  expect(killedBy(LOG, [{ name: 'scheduler', pid: 17 }], LOG), 'in an earlier life of the container').toEqual([]);
  expect(killedBy(LOG + LOG, [{ name: 'scheduler', pid: 17 }], LOG)).toEqual(['scheduler']);
  expect(killedBy('', [queue])).toEqual([]);
  expect(killedBy(LOG, [])).toEqual([]);
});

it('says which program was cut', async () => {
  const running = { state: 'RUNNING', start: 1, argv: ['gunicorn'], cwd: '/app', scheduler: '', workers: [] };
  const programs = [
    { ...running, name: 'web', pid: 16, ports: [5001] },
    { ...running, name: 'scheduler', pid: 17, ports: [5002], scheduler: 'true', stopSeconds: 600 },
  ];
  const ops = testOps(({ argv, input }) => {
    if (argv[0] === 'cat') return { stdout: '' };
    const text = input.toString();
    if (text.includes('schedulerVariable')) return answer({ programs, said: '', uptime: 9, booted: 1 });
    expect(text).toContain(String.raw`\"stop\":[{\"name\":\"scheduler\",\"pid\":17}]`);
    expect(text, 'as long as supervisord gives it, and some').toContain(String.raw`\"stopSeconds\":681`);
    return answer({ drained: true, left: 0, ended: true, killed: ['scheduler'] });
  });
  const { scheduler } = await findPrograms(ops, 'app');
  const drained = await drainPrograms(ops, 'app', { held: [], seconds: 30, programs: scheduler ? [scheduler] : [] });
  expect(drained && drainTexts(drained, 30).map((t) => t.en)).toEqual([
    expect.stringMatching(/^scheduler did not end.*was cut$/),
  ]);
});

it('waits for the restart of what is drained as long as that may take', async () => {
  const slow = program('jobs', { stopSeconds: 600, startSeconds: 30 });
  const drain = (ops: TestOps) => drainPrograms(ops, 'app', { held: [], seconds: 30, programs: [slow, slow] });
  const before = ({ argv }: Call) => (argv[0] === 'cat' ? { stdout: '' } : undefined);
  expect(await secondsUntilStopped(drain, before)).toBe(30 + 2 * 710 + 30);
});

const answer = (said: object) => ({ stdout: `${JSON.stringify(said)}\n` });
