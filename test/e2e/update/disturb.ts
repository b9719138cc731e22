import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Running } from '../../support/run-script.ts';
import { docker, type Stack } from './stack.ts';

/** With `--json` each step is announced on a line of its own. */
export const stepBegins = (running: Running, id: string): Promise<void> =>
  running.shows(new RegExp(`"event":"step","id":"${id}"`));

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Kills the container's first process as a crash would: the engine starts it again, which `docker kill` would forbid. */
export function crashContainer(stack: Stack): void {
  process.kill(Number(docker('inspect', '-f', '{{.State.Pid}}', stack.container('whalefall'))), 'SIGKILL');
}

/**
 * Leaves a service's container without memory, so that the kernel kills in it: here its first process, as it does where that is the biggest. The
 * engine starts the container again, in a control group of its own.
 *
 * @returns asks the engine whether it saw it happen.
 */
export function outOfMemory(stack: Stack, service: 'whalefall' | 'postgres'): () => boolean {
  const container = stack.container(service);
  const since = Math.floor(Date.now() / 1000);
  const pid = docker('inspect', '-f', '{{.State.Pid}}', container);
  const [limit, used] = memoryOf(pid);
  writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  writeFileSync(limit, String(Number(readFileSync(used, 'utf8')) + 4_000_000));
  // Fails where what runs there has needed more already.
  spawnSync('docker', ['exec', '-d', container, 'tail', '/dev/zero']); // one line without an end
  return () => {
    const until = Math.floor(Date.now() / 1000);
    const filter = ['--filter', 'event=oom', '--filter', `container=${container}`];
    return docker('events', '--since', String(since), '--until', String(until), ...filter) !== '';
  };
}

/** The files with the limit and the use of a process's control group, of either version. */
function memoryOf(pid: string): readonly [limit: string, used: string] {
  for (const line of readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')) {
    const [, controllers = '', path = ''] = line.split(':');
    const v1 = `/sys/fs/cgroup/memory${path}`;
    if (controllers === 'memory') return [`${v1}/memory.limit_in_bytes`, `${v1}/memory.usage_in_bytes`];
    const v2 = `/sys/fs/cgroup${path}`;
    if (controllers === '' && existsSync(`${v2}/memory.max`)) return [`${v2}/memory.max`, `${v2}/memory.current`];
  }
  throw new Error('no control group limits its memory');
}

/** Kills the first docker client below the script that copies or runs something in a container; answers what it was. */
export async function killDockerClient(running: Running): Promise<string> {
  let over = false;
  void running.ended.then(() => {
    over = true;
  });
  while (!over) {
    for (const { pid, argv } of below(running.pid)) {
      if (argv[0] !== 'docker' || !(argv[1] === 'cp' || (argv[1] === 'exec' && argv[2] === '-i'))) continue;
      process.kill(pid, 'SIGKILL');
      return argv.join(' ');
    }
    await pause(1);
  }
  throw new Error('the script ended and had copied nothing');
}

function below(ancestor: number): { pid: number; argv: string[] }[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return [
          { pid: Number(name), parent, argv: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(0, -1) },
        ];
      } catch {
        return []; // ended meanwhile
      }
    });
  const found = new Set([ancestor]);
  // Children have higher ids than parents only mostly: so until nothing is added.
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const p of all) if (found.has(p.parent)) found.add(p.pid);
  }
  return all.filter((p) => p.pid !== ancestor && found.has(p.pid));
}

/** A session of the database that holds a lock on notes until released, as a report or a forgotten terminal does. */
export async function lockNotes(stack: Stack, mode: 'ACCESS EXCLUSIVE' | 'ACCESS SHARE'): Promise<() => Promise<void>> {
  const psql = ['psql', '-XqAt', '-U', 'whalefall_user', '-d', 'whalefall_prod'];
  const args = ['exec', '-i', '-e', 'PGAPPNAME=nightly-report', stack.container('postgres'), ...psql];
  const child = spawn('docker', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const held = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (d: Buffer) => d.includes('held') && resolve());
    child.on('close', () => reject(new Error('the lock was not to be had')));
  });
  child.stdin.write(`BEGIN; LOCK TABLE notes IN ${mode} MODE; SELECT 'held';\n`);
  await held;
  return async () => {
    child.stdin.end();
    await closed;
  };
}
