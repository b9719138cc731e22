import type { Call, Reply } from '../../../support/scripted-spawn.ts';
import { restored } from '../../domain/backup/backup.fakes.ts';

const ROLE = { name: 'whalefall_user', rights: ['SUPERUSER', 'LOGIN'], password: null, memberOf: [] };

/** A cluster by the names of its databases; renames and drops are done to it. */
export function cluster(databases: Set<string>, change: (call: Call) => Reply | undefined = () => undefined) {
  const names = (sql: string, pattern: RegExp) => [...sql.matchAll(pattern)].map((m) => m.slice(1) as string[]);
  const oids = new Map<string, number>();
  const oidOf = (name: string) => oids.get(name) ?? (oids.set(name, 16_384 + oids.size).get(name) as number);
  return (call: Call): Reply | undefined => {
    const own = change(call);
    if (own) return own;
    const { argv, input } = call;
    if (argv.includes('df'))
      return { stdout: 'Filesystem 1024-blocks Used Available Capacity Mounted\n/dev/x 100000000 1 90000000 1% /d' };
    if (argv.includes('pg_restore') || argv.includes('ANALYZE')) return {};
    if (!argv.includes('psql')) return undefined;
    if (input.includes('hashtextextended')) return { stdout: restored() };
    for (const [name] of names(input, /CREATE DATABASE "([^"]+)"/g)) databases.add(name as string);
    for (const [name] of names(input, /DROP DATABASE (?:IF EXISTS )?"([^"]+)"/g)) databases.delete(name as string);
    for (const [from, to] of names(input, /ALTER DATABASE "([^"]+)" RENAME TO "([^"]+)"/g)) {
      databases.delete(from as string);
      databases.add(to as string);
      oids.set(to as string, oidOf(from as string));
      oids.delete(from as string);
    }
    if (input.includes('pg_database_size('))
      return {
        stdout: [...databases].map((name) => `${JSON.stringify({ name, oid: oidOf(name), bytes: 1 })}\n`).join(''),
      };
    if (input.includes('LIMIT 1')) return { stdout: '"postgres"\n' };
    if (input.includes('versionNumber')) return { stdout: '{"versionNumber":150006,"version":"15.6"}\n' };
    if (input.includes('data_directory'))
      return { stdout: `${JSON.stringify({ directory: '/var/lib/postgresql/data', most: 0, kept: false })}\n` };
    if (input.includes('pg_tablespace'))
      return { stdout: `${JSON.stringify({ roles: [ROLE], tablespaces: ['pg_default'] })}\n` };
    if (input.includes("'relations'"))
      return { stdout: '{"relations":["public.users"],"functions":0,"largeObjects":0}\n' };
    const [asked] = /WHERE datname = '([^']+)'/.exec(input)?.slice(1) ?? [];
    if (asked !== undefined) return { stdout: databases.has(asked) ? 'true\n' : '' };
    return {};
  };
}
