/** Statements of a `pg_dumpall --globals-only`, without comments and psql's own lines. */
export function statements(sql: string): string[] {
  const found: string[] = [];
  let statement = '';
  // A quoted text or name is one piece, whatever it contains; pg_dumpall doubles the quotes inside.
  for (const [piece] of sql.matchAll(
    /--[^\n]*|^\\(?:un)?restrict[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|;|[^;'"\\-]+|[-\\]/gm,
  )) {
    if (piece.startsWith('--') || piece.startsWith('\\un') || piece.startsWith('\\res')) continue;
    if (piece !== ';') statement += piece;
    else {
      if (statement.trim() !== '') found.push(`${statement.trim()};`);
      statement = '';
    }
  }
  if (statement.trim() !== '') throw new Error('the globals end in the middle of a statement');
  return found;
}

/** A role as the backup has it. */
export interface SavedRole {
  readonly name: string;
  /** Of {@link RIGHTS}. */
  readonly rights: readonly string[];
  /** As it is stored, never shown. */
  readonly password: string | undefined;
  readonly memberOf: readonly string[];
}

export interface Globals {
  readonly roles: readonly SavedRole[];
  readonly tablespaces: readonly string[];
  readonly statements: readonly string[];
}

/** What a role may be allowed beyond its memberships. */
export const RIGHTS = ['SUPERUSER', 'CREATEROLE', 'CREATEDB', 'LOGIN', 'REPLICATION', 'BYPASSRLS'] as const;

const NAME = '("(?:[^"]|"")*"|[^\\s;,]+)';
const CREATE_ROLE = new RegExp(`^CREATE ROLE ${NAME}`);
const ATTRIBUTES = new RegExp(`^ALTER ROLE ${NAME} WITH\\b(.*)`, 's');
const MEMBERSHIP = new RegExp(`^GRANT ${NAME} TO ${NAME}`);
const GRANTOR = new RegExp(` GRANTED BY ${NAME};$`);
const CREATE_TABLESPACE = new RegExp(`^CREATE TABLESPACE ${NAME}(.*) LOCATION '(?:[^']|'')*';$`, 's');
const OF_TABLESPACES = /^(?:(?:CREATE|ALTER|COMMENT ON) TABLESPACE |(?:GRANT|REVOKE) .* ON TABLESPACE )/;

/** @throws {Error} when it is not a whole `pg_dumpall --globals-only`. */
export function parseGlobals(sql: string): Globals {
  const all = statements(sql);
  const matches = (pattern: RegExp) => all.flatMap((s) => [pattern.exec(s)].filter((m) => m !== null));
  const memberships = matches(MEMBERSHIP).map(([, of, who]) => [unquoted(of), unquoted(who)] as const);
  const attributes = new Map(matches(ATTRIBUTES).map(([, name, rest = '']) => [unquoted(name), rest]));
  return {
    statements: all,
    tablespaces: matches(CREATE_TABLESPACE).map(([, name]) => unquoted(name)),
    roles: matches(CREATE_ROLE).map(([, quoted]): SavedRole => {
      const name = unquoted(quoted);
      const [, words = '', password] =
        /^(.*?)(?: PASSWORD '((?:[^']|'')*)'.*)?;$/s.exec(attributes.get(name) ?? ';') ?? [];
      return {
        name,
        rights: RIGHTS.filter((right) => new RegExp(`\\b${right}\\b`).test(words)),
        password: password?.replaceAll("''", "'"),
        memberOf: memberships.filter(([, who]) => who === name).map(([of]) => of),
      };
    }),
  };
}

/**
 * All of it, for a cluster that has only `existing`: those are neither created nor given their old attributes and passwords, because the
 * cluster's own are newer. Settings and memberships are applied to all.
 *
 * Who granted a membership does not carry over: since PostgreSQL 16 that must be who may grant it in this cluster, or the role that initdb
 * made, which another cluster may call otherwise.
 *
 * @param keeping whose attributes and passwords stay; default `existing`. One whose present ones are the saved cluster's own is not among them.
 * @param inPlace for a server that goes with its container: tablespaces lie in its own data directory, wherever they were. Else they are
 *   left out: their directories are another machine's, or hold another cluster's files.
 */
export function savedRolesSql(
  { statements: all }: Globals,
  existing: readonly string[],
  inPlace: boolean,
  keeping = existing,
): string[] {
  const [there, kept] = [new Set(existing), new Set(keeping)];
  const sql = all.flatMap((statement) => {
    const [, tablespace, owner] = CREATE_TABLESPACE.exec(statement) ?? [];
    if (tablespace !== undefined) return inPlace ? [`CREATE TABLESPACE ${tablespace}${owner} LOCATION '';`] : [];
    if (OF_TABLESPACES.test(statement)) return inPlace ? [statement] : [];
    const [, created] = CREATE_ROLE.exec(statement) ?? [];
    if (created !== undefined && there.has(unquoted(created))) return [];
    const [, altered] = ATTRIBUTES.exec(statement) ?? [];
    if (altered !== undefined && kept.has(unquoted(altered))) return [];
    return [MEMBERSHIP.test(statement) ? statement.replace(GRANTOR, ';') : statement];
  });
  return sql.some((s) => s.startsWith('CREATE TABLESPACE')) ? ['SET allow_in_place_tablespaces = on;', ...sql] : sql;
}

/**
 * Takes from every role but the connected one what lets it in and what it may do, for a cluster that is to be given another's roles: one that
 * was dropped there, or lost a right or its password, is not to get it back here. Roles stay, because they may own something.
 */
export const DISARM_ROLES = `DO $$ DECLARE one text; BEGIN
FOR one IN
  SELECT format('REVOKE %I FROM %I GRANTED BY %I CASCADE', g.rolname, r.rolname, b.rolname) FROM pg_auth_members m
    JOIN pg_authid g ON g.oid = m.roleid JOIN pg_authid r ON r.oid = m.member JOIN pg_authid b ON b.oid = m.grantor
    WHERE r.rolname !~ '^pg_'
  UNION ALL SELECT format('ALTER ROLE %I RESET ALL', rolname) FROM pg_authid WHERE rolname !~ '^pg_'
  UNION ALL SELECT format('ALTER ROLE %I %s NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT -1 PASSWORD NULL VALID UNTIL %L',
    rolname, CASE WHEN oid <> 10 THEN 'NOSUPERUSER' END, 'infinity') -- that of initdb can't lose it
    FROM pg_authid WHERE rolname !~ '^pg_' AND rolname <> current_user
LOOP EXECUTE one; END LOOP; END $$;`;

function unquoted(name = ''): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
