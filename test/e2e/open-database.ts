import { docker } from './update/stack.ts';

const CONF = '/var/lib/postgresql/data/pg_hba.conf';

/** Leaves a server's database open to everybody, as the former script did when it was interrupted. */
export function openToEverybody(server: string): void {
  docker('exec', server, 'sed', '-i', 's/host all all all scram-sha-256/host all all all trust/', CONF);
  docker(
    'exec',
    server,
    'psql',
    '-XqAt',
    '-U',
    'whalefall_user',
    '-d',
    'whalefall_prod',
    '-c',
    'SELECT pg_reload_conf()',
  );
}

/** Whether the server lets somebody in over TCP without a password, from its own address. */
export function withoutPassword(server: string): 'in' | 'out' {
  const address = docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', server);
  const session = [
    'psql',
    '-w',
    '-XqAt',
    '-h',
    address,
    '-U',
    'whalefall_user',
    '-d',
    'whalefall_prod',
    '-c',
    'SELECT 1',
  ];
  try {
    docker('exec', server, ...session);
    return 'in';
  } catch {
    return 'out';
  }
}
