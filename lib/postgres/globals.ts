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

const NAME = '("(?:[^"]|"")*"|[^\\s;]+)';
const CREATES = new RegExp(`^CREATE (ROLE|TABLESPACE) ${NAME}`);
const ATTRIBUTES = new RegExp(`^ALTER (ROLE) ${NAME} WITH\\b`);

/**
 * The statements for a cluster that already has some of these roles and tablespaces: those are neither created nor given their old
 * attributes and passwords, because the cluster's own are newer. Settings and memberships are applied to all.
 */
export function globalsFor(
  sql: string,
  existing: { readonly roles: readonly string[]; readonly tablespaces: readonly string[] },
): string[] {
  const there = { ROLE: new Set(existing.roles), TABLESPACE: new Set(existing.tablespaces) };
  return statements(sql).filter((s) => {
    const [, kind, name] = CREATES.exec(s) ?? ATTRIBUTES.exec(s) ?? [];
    return kind === undefined || name === undefined || !there[kind as keyof typeof there].has(unquoted(name));
  });
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
