import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readManifest } from '../../../lib/domain/backup/manifest.ts';
import { docker, type Stack } from '../update/stack.ts';

/** Containers of the project, or made for it, that are not its three services. */
export function helpers(stack: Stack): string[] {
  const all = docker('ps', '-a', '--format', '{{.Names}} {{.Labels}}').split('\n');
  const services = (['whalefall', 'postgres', 'redis'] as const).map((service) =>
    docker('inspect', '-f', '{{.Name}}', stack.container(service)).slice(1),
  );
  return all
    .filter((line) => line.includes(stack.sandbox.project))
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => !services.includes(name));
}

export const hba = (stack: Stack): string =>
  docker('exec', stack.container('postgres'), 'sh', '-c', 'cat "$PGDATA/pg_hba.conf"');

/** The databases that restores left beside the one in use. */
export function databasesBeside(stack: Stack, then?: 'drop'): string[] {
  const names = stack
    .sql("SELECT datname FROM pg_database WHERE datname LIKE 'whalefall\\_prod\\_%' ORDER BY 1")
    .split('\n')
    .filter(Boolean);
  if (then === 'drop') for (const name of names) stack.sql(`DROP DATABASE "${name}" WITH (FORCE)`);
  return names;
}

/** Whether a row is in the database in use, in one beside it, or in a backup that is proved to hold as many rows as there were. */
export function saved(stack: Stack, note: string): boolean {
  const query = `SELECT count(*) FROM notes WHERE text = '${note}'`;
  const inUse = ['whalefall_prod', ...databasesBeside(stack)];
  const psql = ['psql', '-XqAt', '-U', 'whalefall_user', '-c', query, '-d'];
  if (inUse.some((name) => docker('exec', stack.container('postgres'), ...psql, name) !== '0')) return true;
  const backups = path.join(stack.state, 'backups');
  return readdirSync(backups)
    .filter((name) => !name.endsWith('.partial'))
    .map((name) => path.join(backups, name))
    .some((dir) => {
      const manifest = readManifest(dir);
      if (manifest.kind !== 'database' || manifest.verification.level !== 'restored') return false;
      const restored = ['run', '--rm', '-i', '--network', 'none', '--entrypoint', 'pg_restore'];
      const file = path.join(dir, manifest.files.dump.name);
      const image = docker('inspect', '-f', '{{.Image}}', stack.container('postgres'));
      const args = [...restored, '-v', `${file}:/dump:ro`, image, '--data-only', '-t', 'notes', '-f', '-', '/dump'];
      return docker(...args).includes(note);
    });
}

/** The step at which a run's journal ends. */
export function lastStepOf(run: string): string {
  const journal = path.join(run, 'journal');
  if (!existsSync(journal)) return 'no step';
  const steps = [...readFileSync(journal, 'utf8').matchAll(/"event":"step-start","step":"([\w-]+)"/g)];
  return steps.at(-1)?.[1] ?? 'no step';
}
