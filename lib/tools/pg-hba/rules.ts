import type { Ops } from '../../core/ops.ts';
import { CommandError } from '../../core/run.ts';
import { type Database, query } from '../postgres/psql.ts';
import { isReadable, serverAccount } from './file.ts';

/** One rule of pg_hba.conf as the server reads it. */
export interface HbaRule {
  readonly file: string;
  /** Where the rule starts, from 1. */
  readonly line: number;
  /** `local`, `host`, `hostssl`, … */
  readonly type: string;
  readonly database: readonly string[];
  readonly user: readonly string[];
  /** `all`, `samehost`, `samenet`, a host name, or an IP address with `netmask`; `undefined` for `local`. */
  readonly address: string | undefined;
  readonly netmask: string | undefined;
  readonly method: string;
}

/** What stands in pg_hba.conf. That is not yet what is in force: only a login from outside shows that. */
export interface Hba {
  /** `SHOW hba_file` */
  readonly file: string;
  readonly dataDirectory: string;
  /** The server may not read its own file: it keeps the rules it has, and would not start again. */
  readonly unreadable: boolean;
  readonly rules: readonly HbaRule[];
  /** Lines that the server cannot understand. With any, a reload changes nothing, and the server would not start again. */
  readonly errors: readonly { readonly file: string; readonly line: number; readonly error: string }[];
  /** Rules that let in without a password from beyond socket and loopback. */
  readonly remoteTrust: readonly HbaRule[];
}

const WHERE = `'file', current_setting('hba_file'), 'data', current_setting('data_directory')`;
const RULES = `(SELECT coalesce(jsonb_agg(r), '[]') FROM pg_hba_file_rules r)`;

interface Place {
  readonly file: string;
  readonly data: string;
}

interface Row {
  file_name?: string; // 16 and later, which have include directives
  line_number: number;
  type: string | null;
  database: string[] | null;
  user_name: string[] | null;
  address: string | null;
  netmask: string | null;
  auth_method: string | null;
  error: string | null;
}

/**
 * Asks the server for the rules in its pg_hba.conf; no reading of ours would agree with its own (tabs, quotes, lists,
 * continuation lines, includes).
 *
 * @throws {CommandError} the server does not answer over its local socket.
 */
export async function inspectHba(ops: Ops, db: Database): Promise<Hba> {
  const sql = `SELECT json_build_object(${WHERE}, 'rules', ${RULES})`;
  const answer = await query<Place & { rules: Row[] }>(ops, db, sql).catch(async (error: unknown) => {
    if (!(error instanceof CommandError) || error.kind !== 'command') throw error;
    return unreadable(ops, db, error);
  });
  if (!Array.isArray(answer)) return answer;
  const [place] = answer;
  if (place === undefined) throw new Error('the server gave no answer about its pg_hba.conf');
  const rules = place.rules.filter((r) => r.error === null).map((r) => ruleOf(r, place.file));
  return {
    file: place.file,
    dataDirectory: place.data,
    unreadable: false,
    rules,
    errors: place.rules
      .filter((r) => r.error !== null)
      .map((r) => ({ file: r.file_name ?? place.file, line: r.line_number, error: String(r.error) })),
    remoteTrust: rules.filter(isRemoteTrust),
  };
}

/** The query fails when the server may not read the file, with a text in the server's language; so look at the file. */
async function unreadable(ops: Ops, db: Database, error: CommandError): Promise<Hba> {
  const [place] = await query<Place>(ops, db, `SELECT json_build_object(${WHERE})`);
  if (place === undefined) throw error;
  const account = await serverAccount(ops, db, place.data);
  if (await isReadable(ops, db, account, place.file)) throw error;
  return { file: place.file, dataDirectory: place.data, unreadable: true, rules: [], errors: [], remoteTrust: [] };
}

function ruleOf(row: Row, file: string): HbaRule {
  return {
    file: row.file_name ?? file,
    line: row.line_number,
    type: row.type ?? '',
    database: row.database ?? [],
    user: row.user_name ?? [],
    address: row.address ?? undefined,
    netmask: row.netmask ?? undefined,
    method: row.auth_method ?? '',
  };
}

/**
 * Anything but `local` and the loopback networks is remote: `samehost` and `samenet` too (published ports arrive from the
 * network's gateway), and host names, because a name is what a resolver says.
 */
export function isRemoteTrust(rule: Pick<HbaRule, 'type' | 'address' | 'netmask' | 'method'>): boolean {
  if (rule.type === 'local' || rule.method !== 'trust') return false;
  const { address = '', netmask = '' } = rule;
  const loopback4 = /^127\.\d+\.\d+\.\d+$/.test(address) && /^255\./.test(netmask);
  const loopback6 = address === '::1' && netmask === Array(8).fill('ffff').join(':');
  return !loopback4 && !loopback6;
}
