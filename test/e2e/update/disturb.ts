import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
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
