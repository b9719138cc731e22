import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { sourceOf } from '../../lib/domain/app/agent.ts';
import type { Workers } from '../../lib/domain/app/workers.ts';

// The script that looks at gunicorn's workers, and processes that look like them: children with a file of gunicorn's name that is gone.

/** Makes a child of each kind (`late`: it boots until SIGUSR1 and two seconds more), writes their numbers, and goes on until its stdin ends. What it is told by TTIN and TTOU it does as gunicorn does. */
const MASTER = `
import os, signal, sys, tempfile, time

def child(kind):
    fd, name = tempfile.mkstemp(prefix="wgunicorn-")
    os.unlink(name)
    pid = os.fork()
    if pid == 0:
        if kind == "leaving":
            os.close(fd)
        elif kind != "booting":
            if kind == "late":
                signal.sigwait([signal.SIGUSR1])
                time.sleep(2)
            time.sleep(0.2)
            os.fchmod(fd, 1)
        while True:
            if kind in ("serving", "late"):
                os.fchmod(fd, 0)
            time.sleep(0.1)
    os.close(fd)
    return pid

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.signal(signal.SIGTTIN, lambda *_: child("serving"))
signal.signal(signal.SIGTTOU, lambda *_: os.kill(children.pop(0), signal.SIGTERM))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
children = [child(kind) for kind in sys.argv[1:]]
time.sleep(2)
print(*children, flush=True)
while sys.stdin.readline():
    pass
os.killpg(0, signal.SIGKILL)
`;

async function master(...kinds: string[]) {
  const started = spawn('python3', ['-c', MASTER, ...kinds], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const running: ChildProcessByStdio<Writable, Readable, null> = started;
  onTestFinished(async () => {
    running.stdin.end();
    await once(running, 'close');
  });
  // A line, and no chunk: where Python does not buffer, each number comes by itself.
  const [said] = (await once(createInterface(running.stdout), 'line')) as [string];
  return { pid: started.pid ?? 0, children: said.trim().split(' ').map(Number) };
}

function look(args: object): Workers {
  const { stdout, stderr, status } = spawnSync('python3', ['-', 'workers'], {
    input: sourceOf('workers', args),
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Workers;
}

const states = ({ workers }: Workers) => new Map(workers.map((w) => [w.pid, w.state]));

it('tells workers apart that boot, serve, hang and leave', async () => {
  const kinds = ['booting', 'serving', 'hung', 'leaving'] as const;
  const { pid, children } = await master(...kinds);
  const seen = states(look({ master: pid, silent: 1 }));
  expect(children.map((child) => seen.get(child))).toEqual(kinds);
  // Who does not know after how long does not judge.
  expect(states(look({ master: pid })).get(children[2] ?? 0)).toBe('serving');
});

it('kills who boots only while somebody serves', async () => {
  const bring = { by: 'TTIN', since: 1e12 };
  const served = await master('booting', 'serving');
  const after = look({ master: served.pid, silent: 1, wanted: 2, seconds: 2, bring });
  expect(after.old).toEqual([served.children[1]]);
  expect(states(after).has(served.children[0] ?? 0)).toBe(false);

  const nobody = await master('booting', 'hung');
  const kept = look({ master: nobody.pid, silent: 1, wanted: 2, seconds: 2, bring });
  expect([...kept.old].sort()).toEqual([...nobody.children].sort());
  expect(states(kept).get(nobody.children[0] ?? 0)).toBe('booting');
});

it('has the oldest leave when those that were made meanwhile serve: it may be one that serves for them', async () => {
  const { pid, children } = await master('serving', 'late');
  const [oldest = 0, late = 0] = children;
  expect(states(look({ master: pid })).get(late)).toBe('booting');
  process.kill(late, 'SIGUSR1'); // it serves in two seconds, while somebody waits for that
  const after = look({ master: pid, old: [oldest], signal: ['TTOU', 1], seconds: 60 });
  expect([...states(after)]).toEqual([[late, 'serving']]);
});
