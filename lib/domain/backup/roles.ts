import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { RunOps } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { type Globals, parseGlobals, RIGHTS, type SavedRole, savedRolesSql } from '../../tools/postgres/globals.ts';
import { identifier, type PgServer, queryOne } from '../../tools/postgres/psql.ts';
import { type DatabaseManifest, damaged, type Stored } from './manifest.ts';

/**
 * What a restore does to the cluster's roles, which are no part of the database. `needed`: those that it refers to and that are missing
 * are created without login, rights, password or memberships; nobody gets anything back that was taken away since. `saved`: as the
 * backup has them; for a new cluster, or with a consent.
 */
export type Roles = 'needed' | 'saved';

interface RoleNow {
  readonly name: string;
  readonly rights: readonly string[];
  /** sha256 of what is stored. */
  readonly password: string | null;
  readonly memberOf: readonly string[];
}

/** Roles and tablespaces of a cluster. */
export interface ClusterNow {
  readonly roles: readonly RoleNow[];
  readonly tablespaces: readonly string[];
}

const ATTRIBUTE = { SUPERUSER: 'rolsuper', LOGIN: 'rolcanlogin' } as Record<string, string>;
const ARRAY = RIGHTS.map(
  (right) => `CASE WHEN r.${ATTRIBUTE[right] ?? `rol${right.toLowerCase()}`} THEN '${right}' END`,
);

const CLUSTER = `SELECT json_build_object('tablespaces', (SELECT json_agg(spcname) FROM pg_tablespace),
  'roles', (SELECT json_agg(json_build_object('name', r.rolname, 'rights', array_remove(ARRAY[${ARRAY.join(', ')}], NULL),
    'password', encode(sha256(convert_to(r.rolpassword, 'UTF8')), 'hex'),
    'memberOf', (SELECT coalesce(json_agg(DISTINCT g.rolname), '[]') FROM pg_auth_members m JOIN pg_authid g ON g.oid = m.roleid
      WHERE m.member = r.oid))) FROM pg_authid r))`;

/** @throws {CommandError} */
export const clusterNow = (ops: RunOps, server: PgServer): Promise<ClusterNow> =>
  queryOne<ClusterNow>(ops, server, CLUSTER);

/** @throws {DamagedBackup} when the file is not whole. */
export function globalsOf({ dir, manifest }: Stored<DatabaseManifest>): Globals {
  try {
    return parseGlobals(readFileSync(path.join(dir, manifest.files.globals.name), 'utf8'));
  } catch (error) {
    throw damaged(dir, { en: 'its globals can’t be read', zh: '全局对象文件无法解析' }, error);
  }
}

/**
 * The statements that give the cluster the roles for what is restored.
 *
 * @param into `moved` is `saved` for the same cluster elsewhere: roles that are there get their saved attributes and passwords as well, but for
 *   `user`, who is connected.
 */
export function rolesSql(
  globals: Globals,
  now: ClusterNow,
  manifest: DatabaseManifest,
  {
    roles,
    inPlace = false,
    user,
  }: { readonly roles: Roles | 'moved'; readonly inPlace?: boolean; readonly user: string },
) {
  const there = now.roles.map((r) => r.name);
  if (roles !== 'needed') return savedRolesSql(globals, there, inPlace, roles === 'moved' ? [user] : there);
  return [...neededRoles(globals, manifest)]
    .filter((name) => !there.includes(name))
    .map((name) => `CREATE ROLE ${identifier(name)} NOLOGIN;`);
}

/** Those that the database refers to; of an older backup, which does not say, all that it has. */
function neededRoles(globals: Globals, { database, roles }: DatabaseManifest): Set<string> {
  const named = [
    database.owner,
    ...database.settings.map((s) => s.role),
    ...(database.privileges ?? []).map((p) => p.grantee),
  ];
  return new Set([...(roles ?? globals.roles.map((r) => r.name)), ...named.filter((r) => r !== null)]);
}

/** Tablespaces of the backup that this cluster does not have. */
export const missingTablespaces = (globals: Globals, now: ClusterNow): string[] =>
  globals.tablespaces.filter((name) => !now.tablespaces.includes(name));

/** How the cluster's roles differ from those of the backup: names, rights and memberships, a line each; never a password. */
export function roleDifferences(globals: Globals, now: ClusterNow, manifest: DatabaseManifest, roles: Roles): Text[] {
  const needed = neededRoles(globals, manifest);
  const had = new Set(globals.roles.map((then) => then.name));
  return [
    ...globals.roles.flatMap((then) => {
      const role = now.roles.find((r) => r.name === then.name);
      return role
        ? changed(then, role, roles)
        : [gone(then, roles === 'saved' ? 'saved' : needed.has(then.name) ? 'needed' : 'away')];
    }),
    // Those of PostgreSQL's own are in no backup.
    ...now.roles.filter(({ name }) => !had.has(name) && !name.startsWith('pg_')).map(added),
  ];
}

function added(role: RoleNow): Text {
  const has = `${printable(role.name)} (${described(role)})`;
  return { en: `${has}: new since, stays`, zh: `${has}: 备份之后新增, 保持不变` };
}

function gone(role: SavedRole, then: 'saved' | 'needed' | 'away'): Text {
  const had = described(role);
  const name = printable(role.name);
  const en = {
    saved: 'comes back as it was, password included',
    needed: 'is created without login or rights',
    away: 'stays away',
  };
  const zh = { saved: '将按原样恢复 (含密码)', needed: '将创建为无登录, 无权限的角色', away: '不恢复' };
  return { en: `${name} (${had}): gone since, ${en[then]}`, zh: `${name} (${had}): 此后已删除, ${zh[then]}` };
}

function changed(then: SavedRole, now: RoleNow, roles: Roles): Text[] {
  const name = printable(then.name);
  const lines: Text[] = [];
  const [had, has] = [listed(then.rights), listed([...now.rights].sort(byRights))];
  if (had !== has) lines.push({ en: `${name}: had ${had}, keeps ${has}`, zh: `${name}: 原为 ${had}, 保持 ${has}` });
  if (digest(then.password) !== now.password) {
    lines.push({ en: `${name}: had another password, keeps the present one`, zh: `${name}: 密码已变更, 保持现有密码` });
  }
  for (const of of then.memberOf.filter((m) => !now.memberOf.includes(m))) {
    const role = printable(of);
    lines.push(
      roles === 'saved'
        ? { en: `${name}: becomes a member of ${role} again`, zh: `${name}: 将重新加入 ${role}` }
        : { en: `${name}: was a member of ${role}, stays without`, zh: `${name}: 曾属于 ${role}, 不再加入` },
    );
  }
  for (const of of now.memberOf.filter((m) => !then.memberOf.includes(m))) {
    const role = printable(of);
    lines.push({
      en: `${name}: became a member of ${role} since, stays one`,
      zh: `${name}: 此后加入了 ${role}, 保持不变`,
    });
  }
  return lines;
}

const described = ({ rights, memberOf }: Pick<RoleNow, 'rights' | 'memberOf'>): string =>
  listed([...rights, ...memberOf.map((of) => `IN ROLE ${of}`)]);
const listed = (rights: readonly string[]): string => printable(rights.join(', ')) || '-';
const byRights = (a: string, b: string) => RIGHTS.indexOf(a as never) - RIGHTS.indexOf(b as never);
const digest = (stored: string | undefined) =>
  stored === undefined ? null : createHash('sha256').update(stored).digest('hex');
