import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What a fault needs of a stack. */
export interface Sick {
  readonly sandbox: { readonly deployDir: string };
  readonly state: string;
  /** File of the target configuration. */
  readonly config: string;
  /** A release on origin, not pulled. */
  release(changes: { readonly files: Readonly<Record<string, string>> }): Promise<unknown>;
  /** Writes it. */
  patience(bootSeconds?: number, more?: object): void;
  container(service: 'whalefall' | 'postgres' | 'redis'): string;
  inApp(argv: readonly string[], input?: string): string;
  sql(query: string): string;
}

/** A thing that goes wrong, and the check that has to be told first. */
export interface Fault {
  readonly name: string;
  readonly finds: string;
  /** Also those that must be below it. */
  readonly below?: readonly string[];
  readonly inject: (stack: Sick) => void | Promise<void>;
  readonly putBack: (stack: Sick) => void | Promise<void>;
  /** How doctor is started, when that is what makes it meet the fault. */
  readonly start?: (stack: Sick) => Start;
}

export interface Start {
  readonly env?: Readonly<Record<string, string>>;
  /** A shell script that changes what is mounted where, for doctor alone. */
  readonly mounts?: string;
  /** Of the target configuration, beside what all of them have. */
  readonly config?: object;
}

export const docker = (...args: string[]): string =>
  execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
export const inside = (id: string, script: string) => docker('exec', id, 'sh', '-c', script);
export const app = (s: Sick, script: string) => inside(s.container('whalefall'), script);
export const redis = (s: Sick, command: string, password = given(s, 'REDIS_PASSWORD')) =>
  docker('exec', '-e', `REDISCLI_AUTH=${password}`, s.container('redis'), 'sh', '-c', `redis-cli ${command}`);
export const git = (s: Sick, ...args: string[]) => execFileSync('git', ['-C', s.sandbox.deployDir, ...args]);
/** What `.env` says. */
export const given = (s: Sick, name: string) =>
  new RegExp(`^${name}=(.*)$`, 'm').exec(readFileSync(file(s, '.env'), 'utf8'))?.[1] ?? '';

export const KEPT = '.kept-by-the-test';
export const file = (s: Sick, name: string) => path.join(s.sandbox.deployDir, name);

/** Changes a file of the deploy directory in place, so that whoever has it mounted sees the change. */
export const changed = (name: string, change: (text: string, s: Sick) => string) => ({
  inject: (s: Sick) => {
    copyFileSync(file(s, name), file(s, name) + KEPT);
    writeFileSync(file(s, name), change(readFileSync(file(s, name), 'utf8'), s));
  },
  putBack: (s: Sick) => {
    writeFileSync(file(s, name), readFileSync(file(s, name) + KEPT, 'utf8'));
    rmSync(file(s, name) + KEPT);
  },
});

/** The same of a file in a container. */
export const changedInside = (service: 'whalefall' | 'postgres', at: string, script: string, after = 'true') => ({
  inject: (s: Sick) => void inside(s.container(service), `cp -p ${at} ${at}.kept && ${script}`),
  putBack: (s: Sick) => void inside(s.container(service), `mv ${at}.kept ${at} && ${after}`),
});

export const sql = (bad: string, good: string) => ({
  inject: (s: Sick) => void s.sql(bad),
  putBack: (s: Sick) => void s.sql(good),
});

export const stopped = (program: string) => ({
  inject: (s: Sick) => void app(s, `supervisorctl stop ${program}`),
  putBack: (s: Sick) => void app(s, `supervisorctl start ${program}`),
});

export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 100));
}

export const psql = (s: Sick, query: string): ChildProcess =>
  spawn(
    'docker',
    ['exec', '-i', s.container('postgres'), 'psql', '-U', 'whalefall_user', '-d', 'whalefall_prod', '-c', query],
    { stdio: 'ignore' },
  );
export const endSleepers = (s: Sick) =>
  void s.sql(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()",
  );

export const HBA = '/var/lib/postgresql/data/pg_hba.conf';
export const AUTO = '/var/lib/postgresql/data/postgresql.auto.conf';
export const TEMPLATE = '/etc/nginx/templates/whalefall-prod.template';
export const RELOAD = `psql -XqAt -U whalefall_user -d whalefall_prod -c 'SELECT pg_reload_conf()'`;

/** Connections that wait for gunicorn's web program. */
export function queued(s: Sick): number {
  const lines = app(s, 'cat /proc/net/tcp')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const listening = lines.find(([, local = '', , state]) => local.endsWith(':1389') && state === '0A');
  return Number.parseInt(listening?.[4]?.split(':')[1] ?? '0', 16);
}

export function healthy(s: Sick): boolean {
  try {
    const said = s.inApp(['curl', '-s', '--max-time', '3', 'http://127.0.0.1:5001/api/v1/health']);
    return /"database": ?"connected"/.test(said) && /"redis": ?"connected"/.test(said);
  } catch {
    return false;
  }
}
