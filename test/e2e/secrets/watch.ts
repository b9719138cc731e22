import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const REPO = path.join(import.meta.dirname, '../../..');

/** What could be seen on this machine while scripts worked. */
export interface Seen {
  /** Of every process that was met, ours and others', in containers too. */
  readonly processes: readonly string[];
  /** Every docker and git command that was run through {@link shims}. */
  readonly commands: string;
  /** `docker inspect` of each container, as soon as it was made. */
  readonly containers: readonly Container[];
}

export interface Container {
  readonly Id: string;
  readonly Name: string;
  readonly Config: { readonly Labels: Record<string, string> | null; readonly Env: string[] | null };
}

/** Puts programs of the same names before docker and git, which write down their arguments. @returns the log. */
export function shims(dir: string): { readonly PATH: string; readonly log: string } {
  const log = path.join(dir, 'commands');
  mkdirSync(dir, { recursive: true });
  for (const name of ['docker', 'git']) {
    const real = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    const file = path.join(dir, name);
    writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "${name} $*" >> '${log}'\nexec ${real} "$@"\n`);
    chmodSync(file, 0o755);
  }
  return { PATH: `${dir}:${process.env.PATH}`, log };
}

/** Watches until the returned function is called. @param log of {@link shims}. */
export async function watch(log: string): Promise<() => Promise<Seen>> {
  const sampler = spawn(process.execPath, ['--import', 'tsx', path.join(import.meta.dirname, 'sample-arguments.ts')], {
    cwd: REPO,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let sampled = '';
  sampler.stdout.on('data', (d: Buffer) => (sampled += d));
  await new Promise((resolve) => sampler.stderr.once('data', resolve));
  const { containers, stop } = inspectNew();
  return async () => {
    sampler.stdin.end();
    await new Promise((resolve) => sampler.on('close', resolve));
    stop.kill();
    await Promise.all(containers);
    return {
      processes: sampled
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as string),
      commands: existsSync(log) ? readFileSync(log, 'utf8') : '',
      containers: (await Promise.all(containers)).flat(),
    };
  };
}

function inspectNew(): { containers: Promise<Container[]>[]; stop: ChildProcess } {
  const containers: Promise<Container[]>[] = [];
  const format = ['--filter', 'type=container', '--filter', 'event=create', '--format', '{{.ID}}'];
  // The engine tells afterwards what it did before it was heard.
  const since = ['--since', String(Math.floor(Date.now() / 1000))];
  const events = spawn('docker', ['events', ...since, ...format], { stdio: ['ignore', 'pipe', 'ignore'] });
  events.stdout.on('data', (d: Buffer) => {
    for (const id of String(d).split('\n').filter(Boolean)) containers.push(inspect(id));
  });
  return { containers, stop: events };
}

function inspect(id: string): Promise<Container[]> {
  const child = spawn('docker', ['inspect', id], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (d: Buffer) => (text += d));
  return new Promise((resolve) => {
    child.on('close', (code) => resolve(code === 0 ? (JSON.parse(text) as Container[]) : []));
  });
}
