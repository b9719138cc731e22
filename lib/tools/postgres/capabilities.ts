import type { Ops } from '../../core/ops.ts';
import { change, run } from '../../core/run.ts';
import { settingValue } from './load.ts';
import { execute, identifier, type PgServer, queryOne } from './psql.ts';

/** A parameter as a configuration file has it: with its unit, and quoted as its kind wants it. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** What a server has been told, and what it could be told. */
export interface Capabilities {
  /** In files of its own data directory; the last line of each counts. What the compose file mounts or says is not among them. */
  readonly inFiles: readonly Setting[];
  /** Parameters that it was started with on its command line. */
  readonly onCommandLine: readonly string[];
  /** Every parameter that it knows. */
  readonly known: readonly string[];
  /** Extensions that could be created. */
  readonly available: readonly string[];
  /** Those that the database has. */
  readonly extensions: readonly string[];
}

// Case does not count in names: files say datestyle, the server DateStyle.
const CAPABILITIES = `SELECT json_build_object(
  'inFiles', (SELECT coalesce(json_agg(json_build_object('name', name, 'value', setting) ORDER BY name), '[]') FROM (
    SELECT DISTINCT ON (lower(name)) lower(name) AS name, setting FROM pg_file_settings WHERE name IS NOT NULL AND setting IS NOT NULL
      AND starts_with(sourcefile, current_setting('data_directory') || '/') ORDER BY lower(name), seqno DESC) f),
  'onCommandLine', (SELECT coalesce(json_agg(lower(name) ORDER BY name), '[]') FROM pg_settings WHERE source = 'command line'),
  'known', (SELECT json_agg(lower(name)) FROM pg_settings),
  'available', (SELECT json_agg(name) FROM pg_available_extensions),
  'extensions', (SELECT coalesce(json_agg(extname ORDER BY extname), '[]') FROM pg_extension))`;

/** @throws {CommandError} */
export const capabilitiesOf = (ops: Ops, server: PgServer): Promise<Capabilities> =>
  queryOne<Capabilities>(ops, server, CAPABILITIES);

/** Where its files are, and how its initdb was told to sort: of the cluster itself. */
const OF_THE_CLUSTER =
  /^(data_directory|config_file|hba_file|ident_file|external_pid_file|lc_\w+|dynamic_shared_memory_type)$/;

/** What somebody has told the one server and not the other, as far as that is not the cluster's own. Pure. */
export const toldOtherwise = (one: Capabilities, other: Capabilities): Setting[] =>
  one.inFiles.filter(
    ({ name, value }) =>
      !OF_THE_CLUSTER.test(name) && other.inFiles.find((setting) => setting.name === name)?.value !== value,
  );

/** Parameters that a server has been told and another one does not know. Those of extensions have a dot, and are anybody's. Pure. */
export function unknownTo(other: Capabilities, one: Capabilities): string[] {
  const told = [...one.inFiles.map((s) => s.name), ...one.onCommandLine];
  return [...new Set(told)].filter((name) => !name.includes('.') && !other.known.includes(name));
}

/** Extensions of the one database that the other server could not create. Pure. */
export const lacking = (other: Capabilities, one: Capabilities): string[] =>
  one.extensions.filter((name) => !other.available.includes(name));

/** Tells a server, which counts from its next start on. Values may be secrets: they travel by stdin. @throws {CommandError} */
export async function tell(ops: Ops, server: PgServer, settings: readonly Setting[]): Promise<void> {
  const lines = settings.map(
    ({ name, value }) =>
      `ALTER SYSTEM SET ${name.split('.').map(identifier).join('.')} TO ${settingValue(name, value)};`,
  );
  await execute(ops, server, lines.join('\n'));
  await run(ops, change(['docker', 'restart', '-t', '60', server.container.id], { deadlineMs: 120_000 }));
}
