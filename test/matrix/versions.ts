import { execFileSync } from 'node:child_process';
import { sandboxOptions } from '../e2e/update/stack.ts';
import { Sandbox } from '../sandbox/sandbox.ts';
import type { Place } from './place.ts';
import { STACK } from './surroundings.ts';

/** What runs where: on the machine, or in the container of a service. */
const ASKED = {
  node: ['', '@node', '--version'],
  engine: ['', 'docker', 'version', '-f', '{{.Server.Version}}'],
  compose: ['', 'docker', 'compose', 'version', '--short'],
  git: ['', 'git', '--version'],
  PostgreSQL: ['postgres', 'postgres', '--version'],
  Redis: ['redis', 'sh', '-c', 'redis-server --version || valkey-server --version'],
  gunicorn: ['whalefall', '/app/.venv/bin/gunicorn', '--version'],
  supervisor: ['whalefall', 'supervisord', '--version'],
  nginx: ['whalefall', 'nginx', '-v'],
  Python: ['whalefall', 'python3', '--version'],
} as const;

/** The versions of a stack that runs there, by name. */
export function versionsIn(place: Place): Readonly<Record<string, string>> {
  const there = (command: readonly string[]) => {
    const [program = '', ...words] = [...place.enter, 'sh', '-c', '"$@" 2>&1', 'sh', ...command];
    return execFileSync(program, words, { encoding: 'utf8', env: { ...process.env, ...place.env } }).trim();
  };
  const { project } = new Sandbox(sandboxOptions(STACK, ''));
  const container = (service: string) => {
    const labels = { project, service, oneoff: 'False' };
    const filters = Object.entries(labels).flatMap(([key, is]) => [
      '--filter',
      `label=com.docker.compose.${key}=${is}`,
    ]);
    return there(['docker', 'ps', '-q', ...filters]);
  };
  return Object.fromEntries(
    Object.entries(ASKED).map(([name, [service, program, ...args]]) => {
      const command = [program === '@node' ? place.node : program, ...args];
      const said = service === '' ? there(command) : there(['docker', 'exec', container(service), ...command]);
      return [name, /\d+(\.\d+)+[\w.+~-]*/.exec(said)?.[0] ?? said];
    }),
  );
}
